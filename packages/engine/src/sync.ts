/**
 * The product's table of contents: discover → plan → choose → transfer → report.
 *
 * Everything is decided from what both sides list now. When the target moved under a push, or the source moved
 * between its listing and its pack, the whole round is done again from new listings.
 */

import type { RefName } from "@gitsync/protocol";
import { parseFormattedRefName } from "@gitsync/protocol";
import { carryOut, countRequests, isChange, type CarriedOut } from "./carry-out.ts";
import { knownLimit } from "./batch/known-limit.ts";
import { discover, type Discovery } from "./discover.ts";
import { isSyncError, SyncError } from "./errors.ts";
import type { MeasurementInProgress } from "./measure.ts";
import { planRun, type PlannedRun } from "./plan-run.ts";
import { buildResult } from "./report.ts";
import type { Run } from "./run.ts";
import type { RefResult, SyncResult } from "./schema/index.ts";
import { chooseTransfer, type Transfer } from "./transfer/choose.ts";

/** One pass over both sides. */
interface Round {
  readonly found: Discovery;
  readonly plan: PlannedRun;
  readonly choice: Transfer;
  readonly done: CarriedOut;
}

const NOTHING_DONE: Omit<CarriedOut, "requestsPlanned"> = {
  verdicts: new Map(),
  requestsDone: 0,
  requestsAdded: 0,
  isDivided: false,
  error: undefined,
};

/** Run a request to its end, or, when it is only planned, to the point before anything would change. */
export function sync(run: Run, measurement: MeasurementInProgress): Promise<SyncResult> {
  const attributes = { "git_sync.mode": run.request.policy.mode, "git_sync.dry_run": run.dryRun };
  return run.span("git.sync", attributes, async (span) => {
    const appliedBefore = new Map<RefName, RefResult>();
    let last: SyncResult | undefined;
    for (let replans = 0; ; replans += 1) {
      const mayReplan = replans < run.limits.maxReplans;
      let round: Round;
      try {
        round = await runRound(run, (early) => report(run, measurement, early, appliedBefore));
      } catch (error) {
        if (mayReplan && isStaleSource(error)) {
          run.observe({ type: "retry", phase: "discover", reason: SOURCE_MOVED, attempt: replans + 1 });
          continue;
        }
        // What an earlier round did is not forgotten because a later one could not begin.
        throw last !== undefined && isSyncError(error) && error.result === undefined
          ? error.withResult(last)
          : error;
      }
      const result = report(run, measurement, round, appliedBefore);
      span.setAttributes({
        "git_sync.protocol": result.execution.protocol,
        "git_sync.transfer_mode": result.execution.transferMode,
        "git_sync.transfer_reason": result.execution.reason,
        "git_sync.refs.applied": result.counts.applied + result.counts.deleted,
        "git_sync.refs.skipped": result.counts.skipped,
        "git_sync.refs.blocked": result.counts.blocked,
        "git_sync.pack.bytes": run.packBytes,
        "git_sync.pack.objects": run.packObjects,
      });
      const moved = whatMoved(round);
      last = result;
      if (moved !== undefined && mayReplan) {
        for (const ref of result.refs)
          if (ref.outcome === "applied") appliedBefore.set(parseFormattedRefName(ref.targetRef), ref);
        run.observe({ type: "retry", phase: "discover", reason: moved, attempt: replans + 1 });
        continue;
      }
      return concluded(run, round, result);
    }
  });
}

async function runRound(run: Run, reportEarly: (round: Round) => SyncResult): Promise<Round> {
  const found = await discover(run);
  const plan = await planRun(run, found);
  const known = knownLimit(run, found);
  const choice = chooseTransfer({
    changes: plan.expected.filter(isChange),
    hasBlocked: plan.expected.some((ref) => ref.action === "block"),
    targetRefs: found.target.refs,
    targetTips: found.target.extraTips,
    limitReason: known.reason,
    hasLeftovers: known.names.found.size > 0,
  });
  const requestsPlanned = choice.mode === "nothing" ? 0 : countRequests(run, found, plan);
  const untouched: Round = { found, plan, choice, done: { ...NOTHING_DONE, requestsPlanned } };
  if (run.dryRun) return untouched;
  refuseBlocked(run, untouched, reportEarly);
  if (choice.mode === "nothing") return untouched;
  try {
    const done = await carryOut(run, found, plan, known);
    return { ...untouched, choice: whatWasDone(choice, done), done };
  } catch (error) {
    return { ...untouched, done: { ...untouched.done, error } };
  }
}

/** The choice, unless the target's limit was met on the way. */
function whatWasDone(choice: Transfer, done: CarriedOut): Transfer {
  return done.isDivided && choice.mode === "relay"
    ? { ...choice, mode: "batched", reason: "limit-met" }
    : choice;
}

/** Without best effort a blocked ref stops the run before anything is pushed. */
function refuseBlocked(run: Run, round: Round, reportEarly: (round: Round) => SyncResult): void {
  const blocked = round.plan.refs.filter((ref) => ref.action === "block");
  if (run.request.policy.bestEffort || blocked.length === 0) return;
  throw new SyncError(
    "REFS_BLOCKED",
    `${blocked.length} ref${blocked.length === 1 ? " was" : "s were"} blocked, so nothing was pushed`,
    { codes: [...new Set(blocked.map((ref) => ref.code))] },
    { result: reportEarly(round) },
  );
}

const SOURCE_MOVED = "the source moved after it was listed";

/** A listed object is not to be had any more. The words only lead to another look; they decide nothing. */
function isStaleSource(error: unknown): boolean {
  return isSyncError(error) && error.code === "REMOTE_REFUSED" && /not our ref/u.test(error.message);
}

/** Why the round should be done again from new listings, if so. */
function whatMoved(round: Round): string | undefined {
  const { error, verdicts } = round.done;
  if (isStaleSource(error)) return SOURCE_MOVED;
  const isLost = [...verdicts.values()].some((verdict) => verdict.outcome === "lease-lost");
  return isLost && error === undefined ? "the target moved after it was listed" : undefined;
}

function report(
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

/** The result, or the error that a result with refs left behind is. */
function concluded(run: Run, round: Round, result: SyncResult): SyncResult {
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
