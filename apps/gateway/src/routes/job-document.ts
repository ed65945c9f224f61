/** Jobs as the API shows them. */

import type { EnqueuedSync, JobView } from "@gitsync/producer";
import type { RunOutcome, RunReport, SyncResult } from "@gitsync/jobs";

/** The answer to a request that is durable now. */
export type AcceptedJob = Pick<EnqueuedSync, "id" | "route" | "state" | "coalesced" | "requestedAt">;

/** A job in a list: its refs are left to `GET /v1/jobs/:id`. */
export type JobSummary = Omit<JobView, "report"> & {
  readonly outcome?: RunOutcome;
  readonly counts?: SyncResult["counts"];
  readonly traceId?: string;
};

export function acceptedJob({ id, route, state, coalesced, requestedAt }: EnqueuedSync): AcceptedJob {
  return { id, route, state, coalesced, requestedAt };
}

export function jobSummary({ report, ...job }: JobView): JobSummary {
  if (report === undefined) return job;
  return {
    ...job,
    outcome: report.outcome,
    ...(report.result === undefined ? {} : { counts: report.result.counts }),
    ...(report.traceId === undefined ? {} : { traceId: report.traceId }),
  };
}

/** A run in a list. */
export type RunSummary = Omit<RunReport, "result"> & { readonly counts?: SyncResult["counts"] };

export function runSummary({ result, ...run }: RunReport): RunSummary {
  return { ...run, ...(result === undefined ? {} : { counts: result.counts }) };
}
