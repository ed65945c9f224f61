/** What BullMQ calls: take every route of a job's target that is dirty and due, one after the other. */

import { DelayedError, UnrecoverableError, WaitingError, type Job } from "bullmq";
import { parseSyncJobData, type TargetKey } from "@gitsync/jobs";
import { newId, type Lanes } from "@gitsync/producer";
import { wholeMs } from "@gitsync/runtime";
import type { RunVerdict } from "./job-outcome.ts";
import type { FailedRun, MissedHints } from "./missed-hints.ts";
import { runRoute, type RunContext } from "./run-route.ts";
import { processSpan } from "./run-telemetry.ts";
import type { Slots } from "./slots.ts";
import { stopReason } from "./stop-reason.ts";
import { storableError } from "./storable.ts";
import type { TargetExclusion } from "./target-exclusion.ts";

/** A job of a newer version: a worker that knows it comes with the deploy that is under way. */
const UNKNOWN_VERSION_MS = 60_000;
/** A job of a route that this process's configuration lacks: a deploy is under way. */
const UNKNOWN_ROUTE_MS = 60_000;
/** A job that this process is not here for. */
const NOT_MINE_MS = 3_000;
/** Share of a wait that is added to it at random, at most. */
const JITTER = 0.1;
/** Hints that keep coming must not keep one target in a slot for ever. */
const MAX_RUNS = 50;

export interface ProcessorContext extends RunContext {
  readonly workerId: string;
  readonly only: TargetKey | undefined;
  readonly slots: Slots;
  readonly targets: TargetExclusion;
  readonly lanes: Lanes;
  readonly missedHints: MissedHints;
}

/** What a job leaves in the queue; everything else is in the reports of its routes. */
export interface JobSummary {
  readonly runs: number;
}

export type SyncProcessor = (
  job: Job,
  token: string | undefined,
  signal: AbortSignal | undefined,
) => Promise<JobSummary>;

/** The processor of one lane. `pauseLane` is called when this process has no slot for another job of it. */
export function createSyncProcessor(context: ProcessorContext, pauseLane: () => void): SyncProcessor {
  // BullMQ hands the signal only to a function with three formal parameters.
  return async function processSyncJob(job, token, signal) {
    const data = parseSyncJobData(job.data);
    if (data === undefined) return await putOff(job, token, UNKNOWN_VERSION_MS);
    const target = data.target as TargetKey;
    if (context.only !== undefined && context.only !== target) return await putOff(job, token, NOT_MINE_MS);
    const leaveSlot = context.slots.tryTake();
    if (leaveSlot === undefined) {
      pauseLane();
      return await release(context, { job, token, target, signal });
    }
    try {
      return await processTarget(context, { job, token, target, signal });
    } catch (error) {
      throw isQueueSignal(error) ? error : storableError(error, context.secrets);
    } finally {
      leaveSlot();
    }
  };
}

interface TakenJob {
  readonly job: Job;
  readonly token: string | undefined;
  readonly target: TargetKey;
  readonly signal: AbortSignal | undefined;
}

async function processTarget(context: ProcessorContext, taken: TakenJob): Promise<JobSummary> {
  const { job, token, target } = taken;
  const controller = new AbortController();
  const onStop = (): void => controller.abort(taken.signal?.reason);
  taken.signal?.addEventListener("abort", onStop, { once: true });
  if (taken.signal?.aborted === true) onStop();
  const leave = await context.targets.enter(target, controller);
  try {
    const { verdicts, failed: failedRuns, heldForMs } = await runAll(context, taken, controller.signal);
    // None: another job has answered the hint, and that job's trace links to this one.
    processSpan()?.setAttribute("git_sync.runs", verdicts.length);
    const stopped = stopReason(controller.signal);
    if (stopped === "lock-lost") loseLock(context, target);
    if (stopped === "shutdown") return await release(context, taken);
    const retry = verdicts.find((verdict) => verdict.step === "retry");
    if (retry !== undefined) {
      context.missedHints.willRetry(job.id ?? "", target, failedRuns);
      throw storableError(new Error(retry.error?.message), context.secrets);
    }
    // A host that asked to wait is in the state by now; the verdict tells of one that has no name there.
    const putOffMs = heldForMs ?? verdicts.find((verdict) => verdict.step === "put-off")?.blockMs;
    if (putOffMs !== undefined) return await putOff(job, token, jittered(putOffMs));
    const failed = verdicts.find((verdict) => verdict.step === "fail");
    if (failed !== undefined)
      throw unrecoverable(storableError(new Error(failed.error?.message), context.secrets));
    return { runs: verdicts.length };
  } finally {
    leave();
    taken.signal?.removeEventListener("abort", onStop);
  }
}

interface TargetRuns {
  readonly verdicts: readonly RunVerdict[];
  /** Those that want another attempt of the job. */
  readonly failed: readonly FailedRun[];
  /** Set when a host asked a dirty route of the target to wait. */
  readonly heldForMs?: number;
}

/** In turn, and once more after each: a hint that came during a run is answered before the job ends. */
async function runAll(context: ProcessorContext, taken: TakenJob, signal: AbortSignal): Promise<TargetRuns> {
  const { job, target } = taken;
  const attempt = job.attemptsMade + 1;
  const verdicts: RunVerdict[] = [];
  const failed: FailedRun[] = [];
  const skip: string[] = [];
  while (!signal.aborted && verdicts.length < MAX_RUNS) {
    const runId = newId();
    const { workerId } = context;
    const configured = context.known.of(target);
    const known = configured.map(({ id }) => id);
    const next = await context.routes.startRun(target, {
      ...context.known.limits,
      runId,
      workerId,
      attempt,
      skip,
      known,
    });
    if (next.type === "idle") {
      const heldForMs = next.heldForMs ?? (next.foreign === true ? UNKNOWN_ROUTE_MS : undefined);
      return { verdicts, failed, ...(heldForMs === undefined ? {} : { heldForMs }) };
    }
    // What this process is configured for wins over what another one stored.
    const run = { ...next, route: configured.find(({ id }) => id === next.route.id) ?? next.route };
    const verdict = await runRoute(context, { run, runId, queueJobId: job.id ?? "", attempt, signal });
    verdicts.push(verdict);
    if (verdict.step !== "done") skip.push(run.route.id);
    if (verdict.step === "retry") failed.push({ route: run.route.id, startedAt: run.startedAt });
  }
  return verdicts.length < MAX_RUNS ? { verdicts, failed } : { verdicts, failed, heldForMs: 0 };
}

/** What waits for the same thing does not all come back at once. */
function jittered(ms: number): number {
  return ms * (1 + Math.random() * JITTER);
}

/** Back into the queue for later, without using an attempt. */
async function putOff(job: Job, token: string | undefined, ms: number): Promise<never> {
  await job.moveToDelayed(Date.now() + wholeMs(ms), token);
  throw new DelayedError();
}

/** Back into the queue at once, without using an attempt; the target's key stays taken. */
async function release(context: ProcessorContext, { job, token, target }: TakenJob): Promise<never> {
  await job.moveToWait(token);
  // The others find it by themselves in a while, too.
  await context.lanes.announce(target).catch(() => undefined);
  throw new WaitingError();
}

/**
 * The job may be with somebody else by now, and its routes are dirty again: make sure that there is one to look.
 * Not waited for, since the store may still be away. What is thrown goes nowhere: the queue does not take the
 * outcome of a job whose lock is gone.
 */
function loseLock(context: ProcessorContext, target: TargetKey): never {
  context.lanes.add({ target, trigger: "webhook", tenantPending: 0 }).catch(() => undefined);
  throw new Error("Lost the lock of the job");
}

function unrecoverable(error: Error): UnrecoverableError {
  const final = new UnrecoverableError(error.message);
  final.stack = `${final.name}: ${final.message}`;
  return final;
}

function isQueueSignal(error: unknown): boolean {
  return (
    error instanceof DelayedError || error instanceof WaitingError || error instanceof UnrecoverableError
  );
}
