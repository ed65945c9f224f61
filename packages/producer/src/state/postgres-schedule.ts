/** The steps of the sweep on Postgres: find routes, let routes go, and keep the index of both up to date. */

import type { RouteDefinition, TargetKey } from "@gitsync/jobs";
import { definitionDigest } from "./definition-digest.ts";
import { hostsOf } from "./host-rules.ts";
import { RETIRED } from "./kept.ts";
import { cancelUnstarted } from "./postgres-jobs.ts";
import type { JobRow, RouteRow } from "./postgres-records.ts";
import type { Transaction } from "./postgres-transaction.ts";
import type { NextLook, WakingRoute } from "./route-store.ts";
import { LEFT_TO_QUEUE_MS, NAMED_AGAIN_MS, RETIRED_KEEP_MS } from "./waking.ts";

/** Enter when the sweep has to look at routes; after every step that may change that. */
export async function wake(transaction: Transaction, routes: readonly string[]): Promise<void> {
  await transaction.client.query(
    `update gitsync.route set wake_at = case
       when paused or retired then null
       when requested is not null and requested is distinct from synced then greatest($2, not_before)
       else least(due_at, look_at) end
     where id = any($1)`,
    [routes, (await transaction.now()) + LEFT_TO_QUEUE_MS],
  );
}

/** What decides when the sweep has to look at a route. */
type WakingFacts = Pick<
  RouteRow,
  "paused" | "retired" | "requested" | "synced" | "not_before" | "due_at" | "look_at"
>;

/** The same as {@link wake} enters, for a step that writes the row anyway. */
export function wakeAt(row: WakingFacts, now: number): number | null {
  if (row.paused || row.retired) return null;
  const isDirty = row.requested !== null && row.requested !== row.synced;
  if (isDirty) return Math.max(now + LEFT_TO_QUEUE_MS, row.not_before ?? 0);
  return row.due_at === null || row.look_at === null
    ? (row.due_at ?? row.look_at)
    : Math.min(row.due_at, row.look_at);
}

/** The step behind `RouteStore.putAll`. */
export async function storeRoutes(
  transaction: Transaction,
  definitions: readonly RouteDefinition[],
): Promise<void> {
  const { client } = transaction;
  const now = await transaction.now();
  // Locked in order of ids, as every step that locks several.
  const rows = definitions.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const { rows: changed } = await client.query<{ id: string }>(
    `with given as (
       select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::double precision[], $6::text[], $8::text[])
         as given (id, target_key, tenant, definition, keep_ms, digest, hosts)),
     before as (
       select route.id, route.definition, route.retired from gitsync.route join given using (id) order by id for update of route),
     stored as (
       insert into gitsync.route (id, target_key, tenant, definition, keep_ms, expires_at, digest, hosts)
       select id, target_key, tenant, definition, keep_ms, case when keep_ms > 0 then $7 + keep_ms end, digest, hosts
       from given
       on conflict (id) do update set target_key = excluded.target_key, tenant = excluded.tenant,
         definition = excluded.definition, keep_ms = excluded.keep_ms, expires_at = excluded.expires_at,
         digest = excluded.digest, hosts = excluded.hosts, retired = false)
     select given.id from given left join before using (id)
     where given.digest is not null and (before.id is null or before.retired or before.definition <> given.definition)`,
    [
      rows.map((row) => row.id),
      rows.map((row) => row.targetKey),
      rows.map((row) => row.tenant),
      rows.map((row) => JSON.stringify(row)),
      rows.map((row) => row.keepMs ?? 0),
      rows.map((row) => definitionDigest(row) ?? null),
      now,
      rows.map((row) => JSON.stringify(hostsOf(row))),
    ],
  );
  if (changed.length === 0) return;
  // What changed is looked at now, whatever the queue is doing for it.
  await client.query(
    `update gitsync.route set due_at = $2::double precision, quarantine = null,
       not_before = null, wake_at = case when not paused then $2::double precision end
     where id = any($1)`,
    [changed.map((row) => row.id), now],
  );
}

/** The step behind `RouteStore.takeWaking`. */
export async function takeWaking(transaction: Transaction, limit: number): Promise<readonly WakingRoute[]> {
  const now = await transaction.now();
  const { rows } = await transaction.client.query<RouteRow>(
    `with waking as (
       select id, wake_at from gitsync.route where wake_at <= $1 order by wake_at limit $2 for update skip locked),
     named as (
       update gitsync.route route set wake_at = case when not_before > $1 then not_before else $3 end
       from waking where route.id = waking.id returning route.*)
     select named.* from named join waking using (id) order by waking.wake_at, id`,
    [now, limit, now + NAMED_AGAIN_MS],
  );
  return rows
    .filter((row) => row.not_before === null || row.not_before <= now)
    .map((row) => wakingRoute(row, now));
}

function wakingRoute(row: RouteRow, now: number): WakingRoute {
  const { every }: RouteDefinition = JSON.parse(row.definition);
  return {
    id: row.id,
    target: row.target_key as TargetKey,
    every,
    dirty: row.requested !== null && row.requested !== row.synced,
    lastChangeAt: row.last_change_at ?? undefined,
    everStarted: row.last_started_at !== null,
    workerId: row.worker_id ?? undefined,
    lookAgain: row.look_at !== null && row.look_at <= now,
  };
}

/** The step behind `RouteStore.lookAgain`. */
export async function lookAgain(transaction: Transaction, looks: readonly NextLook[]): Promise<void> {
  const routes = looks.map(({ route }) => route);
  // Locked in order of ids, as every step that locks several.
  await transaction.client.query("select 1 from gitsync.route where id = any($1) order by id for update", [
    routes,
  ]);
  await transaction.client.query(
    `update gitsync.route set look_at = least(look_at, given.at)
     from unnest($1::text[], $2::double precision[]) as given (id, at)
     where route.id = given.id and not retired`,
    [routes, looks.map(({ at }) => at)],
  );
  await wake(transaction, routes);
}

/** The step behind `RouteStore.retire`, for one route. */
export async function retire(transaction: Transaction, route: string): Promise<void> {
  const { client } = transaction;
  const { rowCount } = await client.query("select 1 from gitsync.route where id = $1 for update", [route]);
  if (rowCount === 0) return;
  const { rows } = await client.query<JobRow>(
    "select * from gitsync.job where route = $1 and state in ('waiting', 'delayed') order by id for update",
    [route],
  );
  for (const job of rows) await cancelUnstarted(transaction, job, RETIRED);
  await client.query(
    "update gitsync.route set retired = true, digest = null, wake_at = null, expires_at = $2 where id = $1",
    [route, (await transaction.now()) + RETIRED_KEEP_MS],
  );
}
