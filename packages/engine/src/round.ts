/** One pass over both sides: what it found, planned, chose and did; its report; and the error that refs left behind are. */

import type { RefName } from "@gitsync/protocol";
import type { Attributes } from "@opentelemetry/api";
import type { CarriedOut } from "./carry-out.ts";
import type { Discovery } from "./discover.ts";
import { isSyncError, SyncError } from "./errors.ts";
import type { MeasurementInProgress } from "./measure.ts";
import type { PlannedRun } from "./plan-run.ts";
import { buildResult } from "./report.ts";
import type { Run } from "./run.ts";
import type { RefResult, SyncResult } from "./schema/index.ts";
import type { Transfer } from "./transfer/choose.ts";

export interface Round {
  readonly found: Discovery;
  readonly plan: PlannedRun;
  readonly choice: Transfer;
  readonly done: CarriedOut;
}

/** What `round` did, with what earlier rounds of the same run applied. */
export function reportRound(
  run: Run,
  measurement: MeasurementInProgress,
  round: Round,
  appliedBefore: ReadonlyMap<RefName, RefResult>,
): SyncResult {
  run.observe({ type: "phase", phase: "report" });
  const { found, plan, choice, done } = round;
  return buildResult({
    planned: plan.refs,
    current: plan.current,
    verdicts: done.verdicts,
    leftovers: done.leftovers,
    appliedBefore,
    policy: run.request.policy,
    dryRun: run.dryRun,
    includeUnchanged: run.request.includeUnchanged,
    protocol: found.source.protocol,
    sourceHead: found.source.head,
    targetIsEmpty: found.target.refs.size === 0,
    transfer: choice,
    requestsPlanned: done.requestsPlanned,
    requestsDone: done.requestsDone,
    stats: run.meter.stats(run.request.collectStats),
    measurement: measurement.read(),
  });
}

/** What a span tells of a result. */
export function attributesOf(run: Run, { execution, counts }: SyncResult): Attributes {
  return {
    "git_sync.protocol": execution.protocol,
    "git_sync.transfer_mode": execution.transferMode,
    "git_sync.transfer_reason": execution.reason,
    "git_sync.refs.applied": counts.applied + counts.deleted,
    "git_sync.refs.skipped": counts.skipped,
    "git_sync.refs.blocked": counts.blocked,
    "git_sync.refs.refused": counts.refused,
    "git_sync.pack.bytes": run.packBytes,
    "git_sync.pack.objects": run.packObjects,
  };
}

/**
 * Without best effort a blocked ref stops the run before anything is pushed.
 *
 * @throws {SyncError} `REFS_BLOCKED`, with the result.
 */
export function refuseBlocked(run: Run, round: Round, report: (round: Round) => SyncResult): void {
  const blocked = round.plan.refs.filter((ref) => ref.action === "block");
  if (run.request.policy.bestEffort || blocked.length === 0) return;
  throw new SyncError(
    "REFS_BLOCKED",
    `${blocked.length} ref${blocked.length === 1 ? " was" : "s were"} blocked, so nothing was pushed`,
    { codes: [...new Set(blocked.map((ref) => ref.code))] },
    { result: report(round) },
  );
}

/** The result, or the error that a result with refs left behind is. */
export function concluded(run: Run, round: Round, result: SyncResult): SyncResult {
  for (const ref of result.refs) run.observe({ type: "ref", ref });
  const { error } = round.done;
  if (isSyncError(error)) throw error.withResult(result);
  if (error !== undefined)
    throw new SyncError(
      "OUTCOME_UNKNOWN",
      "The run ended in an unforeseen error",
      {},
      { cause: error, result },
    );
  const fail = (code: "TARGET_LIED" | "LEASE_LOST" | "REFS_REFUSED", message: string): SyncError =>
    new SyncError(code, message, { url: run.targetLabel }, { result });
  const count = (outcome: RefResult["outcome"]): number =>
    result.refs.filter((ref) => ref.outcome === outcome).length;
  if (count("unknown") > 0)
    throw fail("TARGET_LIED", `The target reported ${count("unknown")} ref updates that it does not show`);
  if (count("lease-lost") > 0)
    throw fail("LEASE_LOST", `The target's refs kept moving: ${count("lease-lost")} could not be updated`);
  if (count("refused") > 0 && !run.request.policy.bestEffort) {
    throw fail(
      "REFS_REFUSED",
      `The target refused ${count("refused")} ref${count("refused") === 1 ? "" : "s"}`,
    );
  }
  return result;
}
