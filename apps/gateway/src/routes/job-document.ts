/** Jobs as the API shows them. */

import type { EnqueuedSync, JobView } from "@gitsync/producer";
import type { RunOutcome, RunReport, SyncResult } from "@gitsync/jobs";

/** The answer to a request that is durable now. */
export type AcceptedJob = Pick<EnqueuedSync, "id" | "route" | "state" | "coalesced" | "requestedAt">;

/** A job in a list: its refs are left to `GET /v1/jobs/:id`. */
export type JobSummary = Omit<JobView, "report"> & {
  readonly outcome?: RunOutcome;
  readonly counts?: SyncResult["counts"];
} & TraceFacts;

/** Where the trace of a run is found. */
interface TraceFacts {
  readonly traceId?: string;
  /** Where it is shown, if the configuration says. */
  readonly traceUrl?: string;
}

export function acceptedJob({ id, route, state, coalesced, requestedAt }: EnqueuedSync): AcceptedJob {
  return { id, route, state, coalesced, requestedAt };
}

/** `template` is the configuration's `traceUrlTemplate`. */
export function jobSummary({ report, ...job }: JobView, template: string | null): JobSummary {
  if (report === undefined) return job;
  return {
    ...job,
    outcome: report.outcome,
    ...(report.result === undefined ? {} : { counts: report.result.counts }),
    ...traceOf(report, template),
  };
}

/** Everything about a job. */
export function jobDocument(job: JobView, template: string | null): JobView & TraceFacts {
  return job.report === undefined ? job : { ...job, ...traceOf(job.report, template) };
}

/** A run in a list. */
export type RunSummary = Omit<RunReport, "result"> & TraceFacts & { readonly counts?: SyncResult["counts"] };

export function runSummary({ result, ...run }: RunReport, template: string | null): RunSummary {
  return { ...run, ...traceOf(run, template), ...(result === undefined ? {} : { counts: result.counts }) };
}

function traceOf({ traceId }: Pick<RunReport, "traceId">, template: string | null): TraceFacts {
  if (traceId === undefined) return {};
  return { traceId, ...(template !== null && { traceUrl: template.replaceAll("{traceId}", traceId) }) };
}
