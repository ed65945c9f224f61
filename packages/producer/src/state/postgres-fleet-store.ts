/** The fleet store in Postgres: each method is one statement. */

import type { Pool } from "pg";
import {
  SILENT_MS,
  type FleetStore,
  type HostBlock,
  type LiveProcess,
  type ProcessBeat,
  type ServerLife,
} from "./fleet-store.ts";
import { newToken } from "../ids.ts";
import { partyOf } from "./host-rules.ts";
import { Transactions } from "./postgres-transaction.ts";

export class PostgresFleetStore implements FleetStore {
  readonly #pool: Pool;
  readonly #transactions: Transactions;

  /** The schema has to be migrated. `clock` replaces the server's. */
  constructor(pool: Pool, clock?: () => number) {
    this.#pool = pool;
    this.#transactions = new Transactions(pool, clock);
  }

  async beat(process: ProcessBeat): Promise<void> {
    await this.#pool.query(
      `insert into gitsync.process (id, body, beat_at) values ($1, $2, $3)
       on conflict (id) do update set body = excluded.body, beat_at = excluded.beat_at`,
      [process.id, JSON.stringify(process), await this.#transactions.now()],
    );
  }

  async leave(id: string): Promise<void> {
    await this.#pool.query("delete from gitsync.process where id = $1", [id]);
  }

  async processes(): Promise<readonly LiveProcess[]> {
    // A beat of the future is one from before the clock was set back; who lives beats again at once.
    const now = await this.#transactions.now();
    const heard = [now - SILENT_MS, now + SILENT_MS];
    await this.#pool.query("delete from gitsync.process where beat_at not between $1 and $2", heard);
    const { rows } = await this.#pool.query<{ body: string; beat_at: number }>(
      "select body, beat_at from gitsync.process where beat_at between $1 and $2 order by id",
      heard,
    );
    return rows.map((row): LiveProcess => ({ ...JSON.parse(row.body), beatAt: row.beat_at }));
  }

  async hostBlocks(): Promise<readonly HostBlock[]> {
    const { rows } = await this.#pool.query<Pick<HostBlock, "until" | "reason"> & { name: string }>(
      `select name, blocked_until as until, reason from gitsync.host where blocked_until > $1 order by name`,
      [await this.#transactions.now()],
    );
    return rows.map(({ name, until, reason }) => ({ ...partyOf(name), until, reason }));
  }

  async hostsInFlight(): Promise<ReadonlyMap<string, number>> {
    const now = await this.#transactions.now();
    const { rows } = await this.#pool.query<{ host: string; count: number }>(
      `select host, count(*)::integer as count from gitsync.host_use
       join gitsync.process on process.id = worker_id and beat_at between $1 and $2 group by host order by host`,
      [now - SILENT_MS, now + SILENT_MS],
    );
    const hosts = rows.filter(({ host }) => partyOf(host).credential === undefined);
    return new Map(hosts.map(({ host, count }) => [host, count]));
  }

  async secretMarks(): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.#pool.query<{ credential: string; mark: string }>(
      "select credential, mark from gitsync.secret_mark",
    );
    return new Map(rows.map(({ credential, mark }) => [credential, mark]));
  }

  async setSecretMark(credential: string, mark: string): Promise<void> {
    await this.#pool.query(
      `insert into gitsync.secret_mark (credential, mark) values ($1, $2)
       on conflict (credential) do update set mark = excluded.mark`,
      [credential, mark],
    );
  }

  async serverLife(): Promise<ServerLife | undefined> {
    // A dump that was restored has the row of the server that it was taken from, in a table of another number.
    const { rows } = await this.#pool.query<ServerLife>(
      `with begun as (
         insert into gitsync.server_life (id, own) values ($1, 'gitsync.server_life'::regclass)
         on conflict (is_only) do update set id = excluded.id, own = excluded.own, settled = false
         where server_life.own <> excluded.own returning id, settled),
       life as (
         select id, settled from begun
         union all select id, settled from gitsync.server_life where own = 'gitsync.server_life'::regclass)
       select id, settled as "isSettled", not exists (select from gitsync.server_known) as "isFirst" from life`,
      [newToken()],
    );
    return rows[0];
  }

  async settleServer(id: string): Promise<void> {
    // Not in a later life: what that one forgot is still to be seen to.
    await this.#pool.query(
      `with known as (insert into gitsync.server_known default values on conflict do nothing)
       update gitsync.server_life set settled = true where id = $1`,
      [id],
    );
  }

  async takeLease(name: string, holder: string, ms: number): Promise<boolean> {
    const now = await this.#transactions.now();
    const { rowCount } = await this.#pool.query(
      `insert into gitsync.lease (name, holder, ends_at) values ($1, $2, $3)
       on conflict (name) do update set holder = excluded.holder, ends_at = excluded.ends_at
       where lease.holder = excluded.holder or lease.ends_at <= $4
         -- One that ends later than a new one would is from before the clock was set back.
         or lease.ends_at > excluded.ends_at`,
      [name, holder, now + ms, now],
    );
    return rowCount === 1;
  }

  async dropLease(name: string, holder: string): Promise<void> {
    await this.#pool.query("delete from gitsync.lease where name = $1 and holder = $2", [name, holder]);
  }
}
