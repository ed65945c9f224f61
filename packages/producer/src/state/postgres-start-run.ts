/** Choosing and starting the next run of a target on Postgres. */

import type { TargetKey } from "@gitsync/jobs";
import { cancelUnstarted } from "./postgres-jobs.ts";
import { leaveHosts, lockHosts } from "./postgres-hosts.ts";
import { wakeAt } from "./postgres-schedule.ts";
import type { JobRow, RouteRow } from "./postgres-records.ts";
import type { Transaction } from "./postgres-transaction.ts";
import type { NextRun, RunStart } from "./route-store.ts";

/** The step behind `RouteStore.startRun`. */
export async function startNextRun(
  transaction: Transaction,
  target: TargetKey,
  start: RunStart,
): Promise<NextRun> {
  // Locked in order of ids; every other step locks one route only, so no two steps wait for each other.
  const { rows } = await transaction.client.query<RouteRow>(
    `select * from gitsync.route where target_key = $1 and requested is distinct from synced
       and requested is not null and not paused and not retired order by id for update`,
    [target],
  );
  if (rows.length === 0) return { type: "idle" };
  const now = await transaction.now();
  const isDue = (route: RouteRow): boolean => route.not_before === null || route.not_before <= now;
  const known = rows.filter((route) => (route.expires_at ?? now) >= now);
  const due = known.filter(isDue);
  const isForeign = (route: RouteRow): boolean =>
    route.digest !== null && start.known?.includes(route.id) !== true;
  const mine = due.filter((route) => !isForeign(route));
  const foreign = due.some(isForeign) && ({ foreign: true } as const);
  if (mine.length === 0) return { type: "idle", ...foreign };
  const hosts = await lockHosts(transaction, target, mine.flatMap(hostsOfRow), start);
  const held = mine.flatMap((route) => hosts.heldUntil(hostsOfRow(route)) ?? []);
  const ready = mine
    .filter((route) => !start.skip.includes(route.id) && hosts.heldUntil(hostsOfRow(route)) === undefined)
    .toSorted((a, b) => (a.first_unsynced_at ?? 0) - (b.first_unsynced_at ?? 0));
  for (const route of ready) {
    const jobs = await jobsToRun(transaction, route);
    if (jobs === undefined) continue;
    if (route.run_id !== null) await leaveHosts(transaction, route.run_id);
    await hosts.enter(hostsOfRow(route));
    return await startOf(transaction, route, jobs, start);
  }
  return {
    type: "idle",
    ...(held.length > 0 && { heldForMs: Math.min(...held) - now }),
    ...foreign,
  };
}

function hostsOfRow(route: RouteRow): readonly string[] {
  return JSON.parse(route.hosts);
}

/** The route's jobs that are not finished; `undefined` when the only ones were cancelled while their worker was gone. */
async function jobsToRun(transaction: Transaction, route: RouteRow): Promise<readonly JobRow[] | undefined> {
  const { rows } = await transaction.client.query<JobRow>(
    "select * from gitsync.job where route = $1 and state in ('waiting', 'delayed', 'active') order by id for update",
    [route.id],
  );
  const [stopped, open] = [rows.filter((job) => job.cancel), rows.filter((job) => !job.cancel)];
  for (const job of stopped) await cancelUnstarted(transaction, job);
  return stopped.length > 0 && open.length === 0 ? undefined : open;
}

async function startOf(
  transaction: Transaction,
  route: RouteRow,
  jobs: readonly JobRow[],
  start: RunStart,
): Promise<NextRun> {
  const { client } = transaction;
  const startedAt = Math.max(await transaction.now(), (route.requested_at ?? 0) + 1);
  const { runId, workerId, attempt } = start;
  await client.query(
    `update gitsync.route set run_id = $2, worker_id = $3, run_job = $4, run_started_at = $5, last_started_at = $5,
       progress = null, first_since_start = null, not_before = null, look_at = null, starts = starts + 1, wake_at = $6
     where id = $1`,
    [
      route.id,
      runId,
      workerId,
      jobs[0]?.id ?? "",
      startedAt,
      wakeAt({ ...route, not_before: null, look_at: null }, await transaction.now()),
    ],
  );
  await client.query(
    "update gitsync.job set state = 'active', attempt = $2, started_at = $3, run_id = $4 where id = any($1)",
    [jobs.map((job) => job.id), attempt, startedAt, runId],
  );
  const hints = await client.query<{ seq: string; body: string }>(
    "delete from gitsync.hint where route = $1 returning seq, body",
    [route.id],
  );
  return {
    type: "run",
    route: JSON.parse(route.definition),
    requested: route.requested ?? "",
    startedAt,
    starts: route.starts + 1,
    jobIds: jobs.map((job) => job.id),
    lastChangeAt: route.last_change_at ?? undefined,
    quarantine: route.quarantine === null ? [] : JSON.parse(route.quarantine),
    approvedPlan: route.approved ?? undefined,
    hints: hints.rows.toSorted((a, b) => Number(a.seq) - Number(b.seq)).map((row) => JSON.parse(row.body)),
  };
}
