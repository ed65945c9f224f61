/** A run that goes through the queue: asked for, waited for, reported. Wherever it runs. */

import type { RunReport } from "@gitsync/jobs";
import type { EnqueuedSync, Producer, WaitOptions } from "@gitsync/producer";
import type { CommandContext } from "../command-line/command.ts";
import { EXIT, exitStatusOfCode, exitStatusOfResult, type ExitStatus } from "../exit-status.ts";
import type { Failure } from "../output/failure.ts";
import { reportFailure, reportJson, reportOptionsOf, reportResult } from "../output/report.ts";

/** What `--json` says of the job besides the result of its run. */
export interface JobDocument {
  readonly id: string;
  readonly route: string;
  readonly target: string;
  readonly requestedAt: number;
  readonly outcome?: RunReport["outcome"];
  readonly attempt?: number;
}

/** Attempts that a person waits for before the command gives up; a fleet has more patience. */
const PATIENCE = 3;

export interface QueuedRunOptions {
  readonly onProgress?: WaitOptions["onProgress"];
}

/**
 * Wait for the run that answers a request. Transient failures are told on standard error; after a few the job is
 * cancelled and the last failure is the outcome. An interruption cancels the job too.
 */
export async function waitForQueuedRun(
  { signal, terminal }: CommandContext,
  producer: Producer,
  enqueued: EnqueuedSync,
  options: QueuedRunOptions = {},
): Promise<RunReport> {
  const enough = new AbortController();
  let last: RunReport | undefined;
  try {
    return await producer.waitForRun(enqueued.route, enqueued.requestedAt, {
      signal: AbortSignal.any([signal, enough.signal]),
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
      onAttempt: (report) => {
        if (report.outcome === "released") return;
        last = report;
        if (report.attempt >= PATIENCE) return enough.abort();
        terminal.note(
          `attempt ${report.attempt} failed: ${report.error?.message ?? report.outcome}; trying again\n`,
        );
      },
    });
  } catch (error) {
    if (!signal.aborted && !enough.signal.aborted) throw error;
    // A job that somebody else waits for too is left to them.
    if (!enqueued.coalesced) await producer.cancel(enqueued.id);
    if (signal.aborted || last === undefined) throw error;
    return last;
  }
}

/** Print the outcome of the run. `result` replaces what the report holds of it. */
export function reportRun(
  { terminal, flags }: CommandContext,
  enqueued: EnqueuedSync,
  report: RunReport,
  result = report.result,
): ExitStatus {
  const options = reportOptionsOf(flags);
  const job: JobDocument = {
    id: enqueued.id,
    route: enqueued.route,
    target: enqueued.target,
    requestedAt: enqueued.requestedAt,
    outcome: report.outcome,
    attempt: report.attempt,
  };
  const { error } = report;
  if (error !== undefined) {
    const failure = {
      ...error,
      retryable: report.outcome === "transient",
      details: {},
      ...(result && { result }),
    };
    return reportFailure(terminal, failure, options, { job });
  }
  if (result !== undefined) return reportResult(terminal, result, options, { job });
  const failure = {
    code: report.outcome === "cancelled" ? "ABORTED" : "OUTCOME_UNKNOWN",
    message: `The run ended without a result: ${report.outcome}`,
    remedy: "run it again",
    retryable: true,
    details: {},
  };
  return reportFailure(terminal, failure, options, { job });
}

/** A run, and the request that it answers. */
export interface AnsweredRun {
  readonly job: EnqueuedSync;
  readonly report: RunReport;
}

/** Print the outcomes of several runs; the status is the worst of theirs. */
export function reportRuns(context: CommandContext, runs: readonly AnsweredRun[]): ExitStatus {
  const { terminal, flags } = context;
  const [only] = runs;
  if (only !== undefined && runs.length === 1) return reportRun(context, only.job, only.report);
  if (flags.json) {
    const error = worstError(runs);
    reportJson(terminal, { runs: runs.map(({ report }) => report), ...(error && { error }) });
  }
  const statuses = runs.map(({ job, report }) => {
    if (flags.json) return statusOf(report);
    terminal.result(`${job.route}\n`);
    return reportRun(context, job, report);
  });
  return WORST_FIRST.find((status) => statuses.includes(status)) ?? EXIT.ok;
}

/** What is wrong, in the place where every command says it: that of the run whose status is the command's. */
function worstError(runs: readonly AnsweredRun[]): Omit<Failure, "result"> | undefined {
  const failed = WORST_FIRST.flatMap((status) => runs.filter(({ report }) => statusOf(report) === status));
  const worst = failed.find(({ report }) => report.error !== undefined);
  const error = worst?.report.error;
  if (worst === undefined || error === undefined) return undefined;
  const { code, message, remedy } = error;
  const { route } = worst.job;
  return {
    code,
    message: `${route}: ${message}`,
    remedy,
    retryable: worst.report.outcome === "transient",
    details: { route },
  };
}

const WORST_FIRST: readonly ExitStatus[] = [EXIT.interrupted, EXIT.usage, EXIT.failed, EXIT.refs];

function statusOf({ error, result }: RunReport): ExitStatus {
  if (error !== undefined) return exitStatusOfCode(error.code, result);
  return result === undefined ? EXIT.failed : exitStatusOfResult(result);
}
