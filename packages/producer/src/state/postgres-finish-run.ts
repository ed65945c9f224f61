/** The end of a run in Postgres: what is known of its route afterwards, its jobs and its report, in one transaction. */

import type { RunReport } from "@gitsync/jobs";
import { newToken } from "../ids.ts";
import { leaveHosts, recordHosts } from "./postgres-hosts.ts";
import { recordReport, setJobState, trimJobs } from "./postgres-jobs.ts";
import type { RouteRow } from "./postgres-records.ts";
import { wake, wakeAt } from "./postgres-schedule.ts";
import type { Transaction } from "./postgres-transaction.ts";
import type { RunEnd } from "./route-store.ts";

/** Returns whether the run was still the route's; one that another took over changes nothing but asks again if it has to. */
export async function finishRun(transaction: Transaction, report: RunReport, end: RunEnd): Promise<boolean> {
  const { client } = transaction;
  const { rows } = await client.query<RouteRow>("select * from gitsync.route where id = $1 for update", [
    report.route,
  ]);
  const row = rows[0];
  const now = await transaction.now();
  await recordHosts(transaction, end.hosts);
  if (row === undefined) return false;
  await leaveHosts(transaction, report.runId);
  const token = end.requestAgain === true ? newToken() : null;
  if (row.run_id !== report.runId) {
    if (token !== null) {
      await client.query(
        `update gitsync.route set requested = $2,
           first_unsynced_at = case when requested is not distinct from synced then $3 else first_unsynced_at end
         where id = $1`,
        [report.route, token, now],
      );
      await wake(transaction, [report.route]);
    }
    return false;
  }
  const requested = token ?? row.requested;
  const synced = end.synced ?? row.synced;
  // Hints that came during the run are the oldest that it does not stand for.
  const stoodFor = end.synced === undefined ? row.first_unsynced_at : (row.first_since_start ?? now);
  const mayWait = end.waitMs !== undefined && row.first_since_start === null;
  const waking = {
    ...row,
    requested,
    synced,
    not_before: mayWait ? now + (end.waitMs ?? 0) : row.not_before,
    due_at: end.nextDueAt ?? row.due_at,
  };
  const failures = end.failures === "reset" ? 0 : row.failures + (end.failures === "count" ? 1 : 0);
  const error = report.error === undefined ? undefined : JSON.stringify(report.error);
  const kept = end.failures === "reset" ? null : row.last_error;
  const lastError = end.failures === "keep" ? row.last_error : (error ?? kept);
  await client.query(
    `update gitsync.route set run_id = null, worker_id = null, run_job = null, run_started_at = null, progress = null,
       first_since_start = null, requested = $2, synced = $3, first_unsynced_at = $4, condition = coalesce($5, condition),
       failures = $6, last_error = $7, last_success_at = case when $8 then $9 else last_success_at end, starts = $10,
       not_before = $11, due_at = $12, wake_at = $13,
       last_change_at = case when $14 then $9 else coalesce(last_change_at, $9) end,
       quarantine = coalesce($15, quarantine), approved = case when $16::text is null then approved end
     where id = $1`,
    [
      report.route,
      requested,
      synced,
      requested === synced ? null : (stoodFor ?? now),
      end.condition,
      failures,
      lastError,
      end.condition === "ok",
      now,
      end.starts ?? 0,
      waking.not_before,
      waking.due_at,
      wakeAt(waking, now),
      end.changed ?? false,
      end.quarantine && JSON.stringify(end.quarantine),
      end.synced,
    ],
  );
  await setJobState(transaction, "run_id = $1 and state = 'active'", [report.runId], end.jobState);
  await recordReport(transaction, report);
  await trimJobs(transaction);
  return true;
}
