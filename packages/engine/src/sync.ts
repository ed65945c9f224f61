/**
 * The product's table of contents: discover → plan → choose → transfer → report.
 *
 * Everything is decided from what both sides list now. When the target moved under a push, or the source moved
 * between its listing and its pack, the whole round is done again from new listings.
 */

import { parseFormattedRefName, type RefName } from "@gitsync/protocol";
import { carryOut, countRequests, isChange, type CarriedOut } from "./carry-out.ts";
import { foreseen } from "./batch/foresee-size.ts";
import { knownLimit } from "./batch/known-limit.ts";
import { discover } from "./discover.ts";
import { isSyncError } from "./errors.ts";
import type { MeasurementInProgress } from "./measure.ts";
import { planRun } from "./plan-run.ts";
import { attributesOf, concluded, refuseBlocked, reportRound, type Round } from "./round.ts";
import type { Run } from "./run.ts";
import type { RefResult, SyncResult } from "./schema/index.ts";
import { chooseTransfer, type Transfer } from "./transfer/choose.ts";

const NOTHING_DONE: Omit<CarriedOut, "requestsPlanned"> = {
  verdicts: new Map(),
  requestsDone: 0,
  requestsAdded: 0,
  divided: undefined,
  leftovers: new Map(),
  error: undefined,
};

/** Run a request to its end, or, when it is only planned, to the point before anything would change. */
export function sync(run: Run, measurement: MeasurementInProgress): Promise<SyncResult> {
  const attributes = { "git_sync.mode": run.request.policy.mode, "git_sync.dry_run": run.dryRun };
  return run.span("git.sync", attributes, async (span) => {
    const appliedBefore = new Map<RefName, RefResult>();
    const report = (round: Round): SyncResult => reportRound(run, measurement, round, appliedBefore);
    let last: SyncResult | undefined;
    for (let replans = 0; ; replans += 1) {
      const mayReplan = replans < run.limits.maxReplans;
      let round: Round;
      try {
        round = await runRound(run, report);
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
      const result = report(round);
      span.setAttributes(attributesOf(run, result));
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

async function runRound(run: Run, report: (round: Round) => SyncResult): Promise<Round> {
  const found = await discover(run);
  const plan = await planRun(run, found);
  const known = knownLimit(run, found);
  const changes = plan.expected.filter(isChange);
  const chosen = chooseTransfer({
    changes,
    hasBlocked: plan.expected.some((ref) => ref.action === "block"),
    targetRefs: found.target.refs,
    targetTips: found.target.extraTips,
    limitReason: known.reason,
    hasLeftovers: known.names.found.size > 0,
  });
  const choice = run.dryRun ? await foreseen(run, found, changes, chosen, known.limit) : chosen;
  const requestsPlanned = choice.mode === "nothing" ? 0 : countRequests(run, found, plan);
  const untouched: Round = { found, plan, choice, done: { ...NOTHING_DONE, requestsPlanned } };
  if (run.dryRun) return untouched;
  refuseBlocked(run, untouched, report);
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
  return done.divided !== undefined && choice.mode === "relay"
    ? { ...choice, mode: "batched", reason: done.divided }
    : choice;
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
