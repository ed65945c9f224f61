/** The tables of the Postgres route store and how they come to be. */

import type { Pool, PoolClient, QueryConfig } from "pg";

/**
 * Times are milliseconds since 1970 in `double precision`, which holds them exactly and comes back as a number.
 * JSON lies in `text`: `jsonb` refuses the escapes of NUL and of lone surrogates, and nothing here looks inside.
 */
const MIGRATIONS: readonly string[] = [
  `
  create table gitsync.route (
    id text collate "C" primary key,
    target_key text not null,
    tenant text not null,
    definition text not null,
    keep_ms double precision not null default 0,
    expires_at double precision,
    paused boolean not null default false,
    requested text,
    synced text,
    requested_at double precision,
    first_unsynced_at double precision,
    first_since_start double precision,
    last_started_at double precision,
    last_success_at double precision,
    last_error text,
    failures integer not null default 0,
    not_before double precision,
    held boolean not null default false,
    condition text,
    starts integer not null default 0,
    run_id text,
    worker_id text,
    run_job text,
    run_started_at double precision,
    progress text
  );
  create index route_target on gitsync.route (target_key);
  create index route_expiry on gitsync.route (expires_at) where expires_at is not null;
  create table gitsync.hint (
    seq bigint generated always as identity primary key,
    route text collate "C" not null references gitsync.route on delete cascade,
    body text not null
  );
  create index hint_route on gitsync.hint (route, seq);
  create table gitsync.report (
    run_id text primary key,
    seq bigint generated always as identity,
    route text collate "C" not null,
    body text not null
  );
  create index report_route on gitsync.report (route, seq);
  create table gitsync.job (
    id text collate "C" primary key,
    route text collate "C" not null,
    target_key text not null,
    lane text not null,
    tenant text not null,
    trigger text not null,
    state text not null,
    attempt integer not null default 0,
    created_at double precision not null,
    requested_at double precision not null,
    started_at double precision,
    finished_at double precision,
    run_id text,
    cancel boolean not null default false
  );
  create index job_state on gitsync.job (state, id);
  create index job_route on gitsync.job (route, id);
  create index job_run on gitsync.job (run_id) where cancel;
  create index job_pending on gitsync.job (tenant) where state in ('waiting', 'delayed');
  create index job_finished on gitsync.job (state, finished_at) where finished_at is not null;
  create table gitsync.lane (name text primary key);
  `,
  `
  alter table gitsync.route
    add column digest text,
    add column retired boolean not null default false,
    add column due_at double precision,
    add column wake_at double precision,
    add column last_change_at double precision,
    add column quarantine text;
  create index route_wake on gitsync.route (wake_at) where wake_at is not null;
  create index route_configured on gitsync.route (id) where digest is not null;
  create table gitsync.delivery (
    route text collate "C" not null references gitsync.route on delete cascade,
    id text not null,
    seen_at double precision not null,
    primary key (route, id)
  );
  create index delivery_seen on gitsync.delivery (seen_at);
  create table gitsync.process (
    id text collate "C" primary key,
    body text not null,
    beat_at double precision not null
  );
  create table gitsync.lease (
    name text primary key,
    holder text not null,
    ends_at double precision not null
  );
  `,
  `
  alter table gitsync.route
    add column approved text,
    add column hosts text not null default '[]',
    drop column held;
  create table gitsync.host (
    name text collate "C" primary key,
    blocked_until double precision not null default 0,
    reason text,
    failures integer not null default 0
  );
  create table gitsync.host_use (
    run_id text not null,
    host text collate "C" not null,
    worker_id text not null,
    primary key (host, run_id)
  );
  create index host_use_run on gitsync.host_use (run_id);
  create table gitsync.push (
    target_key text not null,
    at double precision not null
  );
  create index push_target on gitsync.push (target_key, at);
  `,
  `
  alter table gitsync.route add column told text not null default 'ok';
  create index route_untold on gitsync.route (id) where condition <> told;
  `,
  `
  create table gitsync.secret_mark (
    credential text primary key,
    mark text not null
  );
  `,
  // Not logged: PostgreSQL empties it when it recovers from a crash, and a replica that is promoted has none of its
  // rows, while one that was ended in good order still has them. That there was one before is logged.
  `
  alter table gitsync.route add column look_at double precision;
  create unlogged table gitsync.server_life (
    is_only boolean primary key default true check (is_only),
    id text not null,
    own oid not null,
    settled boolean not null default false
  );
  create table gitsync.server_known (is_only boolean primary key default true check (is_only));
  `,
];

/** Any fixed number of our own: two processes that start at once take turns. */
const ADVISORY_LOCK = 7_168_224_551;

/** Tables may be large, and another process may be at it. */
const MIGRATION_MS = 10 * 60_000;

/** Bring the schema `gitsync` up to date. Idempotent; safe while other processes do the same. */
export async function migrate(pool: Pool): Promise<void> {
  // Looked at without a lock first: an account that may not create schemas can use a finished one.
  if ((await currentVersion(pool)) === MIGRATIONS.length) return;
  const client = await pool.connect();
  try {
    await client.query(`begin; set local statement_timeout = ${MIGRATION_MS}`);
    await client.query(patiently("select pg_advisory_xact_lock($1)", [ADVISORY_LOCK]));
    await client.query("create schema if not exists gitsync");
    await client.query("create table if not exists gitsync.migration (version integer primary key)");
    const done = await currentVersion(client);
    for (const [index, sql] of MIGRATIONS.entries()) {
      if (index < done) continue;
      await client.query(patiently(sql));
      await client.query("insert into gitsync.migration (version) values ($1)", [index + 1]);
    }
    await client.query("commit");
    client.release();
  } catch (error) {
    client.release(true);
    throw error;
  }
}

/** The driver would give it up as soon as any other query; its types do not know that it can be told. */
function patiently(text: string, values: readonly unknown[] = []): QueryConfig & { query_timeout: number } {
  return { text, values: [...values], query_timeout: MIGRATION_MS };
}

async function currentVersion(source: Pool | PoolClient): Promise<number> {
  const table = await source.query<{ name: string | null }>(
    "select to_regclass('gitsync.migration')::text as name",
  );
  if (table.rows[0]?.name === null) return 0;
  const { rows } = await source.query<{ version: number }>(
    "select coalesce(max(version), 0)::integer as version from gitsync.migration",
  );
  return rows[0]?.version ?? 0;
}
