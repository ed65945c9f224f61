/** Steps on jobs and reports that several transactions of the Postgres route store share. */

import type { JobState, RouteError, RunReport } from "@gitsync/jobs";
import { newId } from "../ids.ts";
import { CANCELLED, CANCELLED_WAIT_MS, KEPT } from "./kept.ts";
import type { JobRow } from "./postgres-records.ts";
import type { Transaction } from "./postgres-transaction.ts";

/** Move the jobs that `where` names (its parameters first) to another state. */
export async function setJobState(
  transaction: Transaction,
  where: string,
  parameters: readonly unknown[],
  state: JobState,
): Promise<void> {
  const finished = state === "completed" || state === "failed" || state === "cancelled";
  const at = parameters.length;
  await transaction.client.query(
    `update gitsync.job set state = $${at + 1}, finished_at = $${at + 2} where ${where}`,
    [...parameters, state, finished ? await transaction.now() : null],
  );
}

/** Keep a report and forget the oldest beyond the cap. */
export async function recordReport({ client }: Transaction, report: RunReport): Promise<void> {
  // The delete does not see the report that is added beside it.
  await client.query(
    `with added as (insert into gitsync.report (run_id, route, body) values ($3, $1, $4))
     delete from gitsync.report where route = $1
     and seq <= (select seq from gitsync.report where route = $1 order by seq desc offset $2 limit 1)`,
    [report.route, KEPT.reports - 1, report.runId, JSON.stringify(report)],
  );
}

/** A job that is cancelled before it ran has a report too, so that whoever waits for it learns its end. */
export async function cancelUnstarted(
  transaction: Transaction,
  job: JobRow,
  why: RouteError = CANCELLED,
): Promise<void> {
  const { client } = transaction;
  const now = await transaction.now();
  const at = Math.max(now, job.requested_at + 1);
  const runId = newId();
  await setJobState(transaction, "id = $1", [job.id], "cancelled");
  await client.query("update gitsync.job set run_id = $2 where id = $1", [job.id, runId]);
  await recordReport(transaction, {
    runId,
    jobId: job.id,
    route: job.route,
    attempt: job.attempt,
    startedAt: at,
    finishedAt: at,
    outcome: "cancelled",
    final: true,
    error: why,
  });
  await client.query(
    `update gitsync.route set not_before = case when due_at > $2 then due_at else $3 end,
       wake_at = case when not (paused or retired) then case when due_at > $2 then due_at else $3 end end
     where id = $1 and not exists
       (select 1 from gitsync.job where route = $1 and state in ('waiting', 'delayed', 'active'))`,
    [job.route, now, now + CANCELLED_WAIT_MS],
  );
}

/** Forget finished jobs in small portions, whenever a run ends. */
export async function trimJobs(transaction: Transaction): Promise<void> {
  const now = await transaction.now();
  const old = (state: string, before: string): string =>
    `array(select id from gitsync.job where state = '${state}' and finished_at < ${before}
       order by finished_at limit 20 for update skip locked)`;
  await transaction.client.query(
    `delete from gitsync.job where id = any(${old("completed", "$1")} || ${old("failed", "$2")} || ${old("cancelled", "$2")})`,
    [now - KEPT.completedMs, now - KEPT.otherMs],
  );
}
