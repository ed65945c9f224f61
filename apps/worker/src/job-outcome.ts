/**
 * One table: what becomes of a route and of its job after a run.
 *
 * The engine says what happened; here it is decided what happens next. Pure.
 */

import { isSyncError, type SyncError, type SyncResult } from "@gitsync/engine";
import { MAX_ATTEMPTS, type RouteError, type RunOutcome } from "@gitsync/jobs";
import type { RunEnd } from "@gitsync/producer";
import type { StopReason } from "./stop-reason.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** What a host that gives no time is left alone for. */
const RATE_LIMIT_MS = MINUTE_MS;
const EXHAUSTED_MS = 15 * MINUTE_MS;
const POISONED_MS = HOUR_MS;
const PERMANENT_MS = 24 * HOUR_MS;
const CANCELLED_MS = 24 * HOUR_MS;

/** Starts in a row without any record of how they ended, after which a route is taken to be what kills workers. */
const POISON_STARTS = 5;

/**
 * What the queue's job does: `done` and `fail` end it, `retry` uses an attempt, `put-off` waits without using one,
 * `release` gives it back at once.
 */
export type JobStep = "done" | "fail" | "retry" | "put-off" | "release";

/** How a run is judged. */
export interface RunVerdict {
  readonly outcome: RunOutcome;
  readonly step: JobStep;
  /** No further run of the same job follows. */
  readonly final: boolean;
  /** True when the outcome stands for the hints that the run had seen. */
  readonly settles: boolean;
  readonly end: Omit<RunEnd, "synced">;
  readonly error?: RouteError;
  readonly result?: SyncResult;
  /** How long a host asked to be left alone, in milliseconds. */
  readonly blockMs?: number;
}

export interface RunFacts {
  /** Of the queue's job, from 1. */
  readonly attempt: number;
  /** Set when the run was stopped from outside. */
  readonly stopped?: StopReason | undefined;
  readonly random: () => number;
}

/** Codes of refusals that may be over when it is tried again soon. */
const PASSING: ReadonlySet<string> = new Set(["refused-unknown", "workflow-timeout"]);

/** A run that came back with a result. */
export function judgeResult(result: SyncResult, facts: RunFacts): RunVerdict {
  const refs = result.refs;
  if (result.counts.unknown > 0 || refs.some((ref) => ref.outcome === "unknown")) {
    return {
      ...unknown(
        facts,
        error(
          "OUTCOME_UNKNOWN",
          "The target did not say what became of some refs",
          "try again; the next run lists the target first",
        ),
      ),
      result,
    };
  }
  if (refs.some((ref) => ref.outcome === "lease-lost")) {
    return {
      ...transient(
        facts,
        error("LEASE_LOST", "The target's refs kept moving", "see who else writes to the target"),
      ),
      result,
    };
  }
  if (refs.some((ref) => PASSING.has(ref.code))) {
    return {
      ...transient(
        facts,
        error(
          "PUSH_REFUSED",
          "The target refused some refs, and may take them the next time",
          "read the target's message",
        ),
      ),
      result,
    };
  }
  return result.execution.converged ? { ...CONVERGED, result } : { ...DEGRADED, result };
}

/** A run that threw. */
export function judgeError(thrown: unknown, facts: RunFacts): RunVerdict {
  const failure = isSyncError(thrown) ? thrown : undefined;
  const verdict = stoppedVerdict(failure, facts) ?? failedVerdict(thrown, failure, facts);
  return failure?.result === undefined ? verdict : { ...verdict, result: failure.result };
}

/** A route whose runs keep ending without a record: most likely they end their workers. */
export function judgeStarts(starts: number): RunVerdict | undefined {
  if (starts <= POISON_STARTS) return undefined;
  const told = error(
    "RUN_CRASHED",
    `${starts - 1} runs in a row ended without a trace`,
    "read the workers' logs and their memory limits",
  );
  const end = {
    condition: "failing",
    failures: "count",
    jobState: "failed",
    waitMs: POISONED_MS,
    starts: POISON_STARTS - 1,
  } as const;
  return { outcome: "permanent", step: "fail", final: true, settles: false, end, error: told };
}

const CONVERGED: RunVerdict = {
  outcome: "converged",
  step: "done",
  final: true,
  settles: true,
  end: { condition: "ok", failures: "reset", jobState: "completed" },
};

const DEGRADED: RunVerdict = {
  outcome: "degraded",
  step: "done",
  final: true,
  settles: true,
  end: { condition: "degraded", failures: "reset", jobState: "completed" },
};

/** The abort of a run looks like any failure of it; who aborted decides. */
function stoppedVerdict(failure: SyncError | undefined, { stopped }: RunFacts): RunVerdict | undefined {
  switch (stopped) {
    case undefined:
      return undefined;
    case "shutdown":
      return {
        outcome: "released",
        step: "release",
        final: false,
        settles: false,
        end: { failures: "keep", jobState: "waiting" },
      };
    case "lock-lost": {
      const end = { failures: "keep", jobState: "waiting", requestAgain: true } as const;
      return {
        outcome: "released",
        step: "retry",
        final: false,
        settles: false,
        end,
        error: error(
          "LOCK_LOST",
          "The queue may have given the job to another worker",
          "nothing; it runs again",
        ),
      };
    }
    case "cancelled": {
      // A push that was cut off may have had effect; the state must not claim otherwise.
      const condition = failure?.class === "unknown" ? ({ condition: "unknown" } as const) : {};
      const end = { ...condition, failures: "keep", jobState: "cancelled", waitMs: CANCELLED_MS } as const;
      return {
        outcome: "cancelled",
        step: "fail",
        final: true,
        settles: false,
        end,
        error: error("ABORTED", "Cancelled by a person", "run it again"),
      };
    }
  }
}

function failedVerdict(thrown: unknown, failure: SyncError | undefined, facts: RunFacts): RunVerdict {
  if (failure === undefined) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return transient(facts, error("UNEXPECTED", message, "report it with the worker's log if it stays"));
  }
  const told = error(failure.code, failure.message, failure.remedy);
  switch (failure.class) {
    case "transient":
      return transient(facts, told);
    case "unknown":
      return unknown(facts, told);
    case "rate-limited": {
      const blockMs = Math.max(1_000, Math.trunc(failure.retryAfterMs ?? RATE_LIMIT_MS));
      const end = { failures: "keep", jobState: "delayed" } as const;
      return {
        outcome: "rate-limited",
        step: "put-off",
        final: false,
        settles: false,
        end,
        error: told,
        blockMs,
      };
    }
    case "permanent": {
      const end = {
        condition: "failing",
        failures: "count",
        jobState: "failed",
        waitMs: PERMANENT_MS,
      } as const;
      return { outcome: "permanent", step: "fail", final: true, settles: false, end, error: told };
    }
    case "refs":
      return failure.result === undefined
        ? { ...DEGRADED, error: told }
        : { ...judgeResult(failure.result, facts), error: told };
    case "cancelled":
      // Nobody here stopped it, so the engine gave up by itself.
      return transient(facts, told);
  }
}

function transient(facts: RunFacts, told: RouteError): RunVerdict {
  return againOrGivenUp(facts, { outcome: "transient", told, given: { condition: "failing" }, again: {} });
}

function unknown(facts: RunFacts, told: RouteError): RunVerdict {
  const condition = { condition: "unknown" } as const;
  return againOrGivenUp(facts, { outcome: "unknown", told, given: condition, again: condition });
}

interface Again {
  readonly outcome: RunOutcome;
  readonly told: RouteError;
  readonly given: Pick<RunEnd, "condition">;
  readonly again: Pick<RunEnd, "condition">;
}

function againOrGivenUp({ attempt, random }: RunFacts, { outcome, told, given, again }: Again): RunVerdict {
  const common = { outcome, step: "retry", settles: false, error: told } as const;
  if (attempt < MAX_ATTEMPTS) {
    return { ...common, final: false, end: { ...again, failures: "count", jobState: "delayed" } };
  }
  const waitMs = Math.trunc(random() * EXHAUSTED_MS);
  return { ...common, final: true, end: { ...given, failures: "count", jobState: "failed", waitMs } };
}

function error(code: string, message: string, remedy: string): RouteError {
  return { code, message, remedy };
}
