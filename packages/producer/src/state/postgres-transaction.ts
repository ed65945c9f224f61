/** One atomic step on Postgres, with the server's clock. */

import type { Pool, PoolClient } from "pg";

const NOW = "select trunc(extract(epoch from clock_timestamp()) * 1000)::double precision as now";

/** A transaction that is under way. */
export interface Transaction {
  readonly client: PoolClient;
  /** Milliseconds of the store's clock when this was first asked in the transaction: ask once the rows are locked. */
  now(): Promise<number>;
}

/** Runs steps as transactions of their own. */
export class Transactions {
  readonly #pool: Pool;
  readonly #clock: (() => number) | undefined;

  constructor(pool: Pool, clock?: () => number) {
    this.#pool = pool;
    this.#clock = clock;
  }

  async run<T>(step: (transaction: Transaction) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    try {
      await client.query("begin");
      let now: Promise<number> | undefined;
      const result = await step({ client, now: () => (now ??= this.#now(client)) });
      await client.query("commit");
      client.release();
      return result;
    } catch (error) {
      // The connection goes, and with it the transaction: a rollback could hang on a server that is away.
      client.release(true);
      throw error;
    }
  }

  async now(): Promise<number> {
    return await this.#now(this.#pool);
  }

  async #now(source: Pool | PoolClient): Promise<number> {
    if (this.#clock !== undefined) return this.#clock();
    const { rows } = await source.query<{ now: number }>(NOW);
    return rows[0]?.now ?? 0;
  }
}
