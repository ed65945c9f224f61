/** One atomic step on Postgres, with the server's clock. */

import { createHash } from "node:crypto";
import type { Pool, PoolClient, QueryResult, QueryResultRow } from "pg";

const NOW = "select trunc(extract(epoch from clock_timestamp()) * 1000)::double precision as now";
/** PostgreSQL's `feature_not_supported`: a statement was prepared before a migration changed what it answers. */
const OUTDATED_STATEMENT = "0A000";

/** A connection that prepares each statement once: parsing them anew each time took a quarter of the server's time. */
interface StatementClient {
  readonly query: <Row extends QueryResultRow>(
    text: string,
    values?: readonly unknown[],
  ) => Promise<QueryResult<Row>>;
}

/** A transaction that is under way. */
export interface Transaction {
  readonly client: StatementClient;
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

  /** `step` may run twice: nothing of the first time has happened then. */
  async run<T>(step: (transaction: Transaction) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#runOnce(step);
      } catch (error) {
        // The connection is gone, and a new one prepares anew; each of the pool may have to go like that.
        const isOutdated = error instanceof Error && "code" in error && error.code === OUTDATED_STATEMENT;
        if (!isOutdated || tries > this.#pool.options.max) throw error;
      }
    }
  }

  async now(): Promise<number> {
    return await this.#now((text) => this.#pool.query(text));
  }

  async #runOnce<T>(step: (transaction: Transaction) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    try {
      await client.query("begin");
      const statements = prepared(client);
      let now: Promise<number> | undefined;
      const result = await step({ client: statements, now: () => (now ??= this.#now(statements.query)) });
      await client.query("commit");
      client.release();
      return result;
    } catch (error) {
      // The connection goes, and with it the transaction: a rollback could hang on a server that is away.
      client.release(true);
      throw error;
    }
  }

  async #now(query: (text: string) => Promise<QueryResult<{ now: number }>>): Promise<number> {
    if (this.#clock !== undefined) return this.#clock();
    const { rows } = await query(NOW);
    return rows[0]?.now ?? 0;
  }
}

function prepared(client: PoolClient): StatementClient {
  return {
    query: (text, values = []) => client.query({ name: nameOf(text), text, values: [...values] }),
  };
}

const names = new Map<string, string>();

/** The same for the same text; the texts are those of this package. */
function nameOf(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = `gitsync_${createHash("sha1").update(text).digest("hex")}`;
  names.set(text, name);
  return name;
}
