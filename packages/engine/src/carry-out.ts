/** Carries out a plan: safety refs first, then the refs, then, if asked, a look at what the target shows. */

import type { RefName, RefTable } from "@gitsync/protocol";
import type { Discovery } from "./discover.ts";
import { SyncError } from "./errors.ts";
import type { PlannedRun } from "./plan-run.ts";
import { targetNameOf } from "./plan/desired.ts";
import type { PlannedChange, PlannedRef } from "./plan/plan.ts";
import type { Run } from "./run.ts";
import type { KnownLimit } from "./batch/known-limit.ts";
import { desiredId, leasedId, type Verdicts } from "./transfer/outcome.ts";
import { archiveRef, expiredArchives, pushGroups, type PushGroup } from "./transfer/push-stages.ts";
import { transfer, type TransferOutcome } from "./transfer/transfer.ts";

export interface CarriedOut extends TransferOutcome {
  readonly requestsPlanned: number;
}

/** Whether a planned ref is one that a push changes. */
export function isChange(ref: PlannedRef): ref is PlannedChange {
  return ref.action === "create" || ref.action === "update" || ref.action === "delete";
}

/** @throws {SyncError} `ATOMIC_IMPOSSIBLE`, before anything is pushed. */
export async function carryOut(
  run: Run,
  found: Discovery,
  plan: PlannedRun,
  known: KnownLimit,
): Promise<CarriedOut> {
  const archives = archivesFor(run, plan);
  const groups = groupsOf(run, found, plan, archives);
  refuseUnlessAtomic(run, found, groups);
  await run.target.create(found.objectFormat, targetNameOfHead(found), run.signal);
  let outcome = await transfer(run, {
    groups,
    sourceListing: found.source,
    targetListing: found.target,
    objectFormat: found.objectFormat,
    archives,
    downloaded: plan.downloaded,
    limit: known.limit,
    names: known.names,
  });
  if (outcome.error === undefined && run.request.policy.verify === "list")
    outcome = await verified(run, groups, outcome);
  return { ...outcome, requestsPlanned: groups.length + outcome.requestsAdded };
}

/** How many requests a plan would take, without asking anybody anything. */
export function countRequests(run: Run, found: Discovery, plan: PlannedRun): number {
  const expected = { ...plan, refs: plan.expected };
  return groupsOf(run, found, expected, archivesFor(run, expected)).length;
}

function archivesFor(run: Run, plan: PlannedRun): ReadonlyMap<PlannedChange, RefName> {
  if (run.request.policy.destructive !== "archive") return new Map();
  const now = new Date();
  const losing = plan.refs
    .filter(isChange)
    .filter((change) => change.action === "delete" || (change.action === "update" && change.destructive));
  return new Map(losing.map((change) => [change, archiveRef(change.targetRef, now)]));
}

function groupsOf(
  run: Run,
  found: Discovery,
  plan: PlannedRun,
  archives: ReadonlyMap<PlannedChange, RefName>,
): readonly PushGroup[] {
  const { policy } = run.request;
  return pushGroups({
    changes: plan.refs.filter(isChange),
    maxRefUpdates: run.limits.maxRefUpdates,
    archives,
    expired:
      policy.destructive === "archive" && found.target.capabilities.has("delete-refs")
        ? expiredArchives(found.target.refs, new Date(), policy.keepArchivesDays)
        : new Map(),
    headUnknown: plan.headUnknown,
  });
}

function refuseUnlessAtomic(run: Run, found: Discovery, groups: readonly PushGroup[]): void {
  if (!run.request.policy.atomic) return;
  const impossible = (why: string): SyncError =>
    new SyncError("ATOMIC_IMPOSSIBLE", `Cannot push all refs or none: ${why}`, { url: run.targetLabel });
  if (!found.target.capabilities.has("atomic")) throw impossible("the target does not offer it");
  const needed = groups.filter((group) => group.purpose !== "expire").length;
  if (needed > 1) throw impossible(`it takes ${needed} requests`);
}

/** The target's name for the branch that the source's HEAD names: what a new repository's HEAD should name. */
function targetNameOfHead(found: Discovery): RefName | undefined {
  const { head } = found.source;
  return head === undefined ? undefined : targetNameOf(found.desired, head);
}

/** List the target once more; what it reported and does not show is not believed. */
async function verified(
  run: Run,
  groups: readonly PushGroup[],
  outcome: TransferOutcome,
): Promise<TransferOutcome> {
  const verdicts: Verdicts = new Map(outcome.verdicts);
  const applied = groups
    .flatMap((group) => group.commands)
    .filter((command) => verdicts.get(command.ref)?.outcome === "applied");
  if (applied.length === 0) return outcome;
  run.observe({ type: "phase", phase: "verify" });
  let refs: RefTable;
  try {
    ({ refs } = await run.span("git.verify", {}, () => run.target.list(run.signal)));
  } catch (cause) {
    const reason = "the target reported success, and could not be listed to see it";
    for (const { ref } of applied) verdicts.set(ref, { outcome: "unknown", reason });
    const error = new SyncError(
      "OUTCOME_UNKNOWN",
      `Cannot see whether the target shows the push: ${run.targetLabel}`,
      { url: run.targetLabel },
      { cause },
    );
    return { ...outcome, verdicts, error };
  }
  for (const command of applied) {
    const now = refs.get(command.ref);
    if (now === desiredId(command)) continue;
    verdicts.set(
      command.ref,
      now === leasedId(command)
        ? { outcome: "unknown", reason: "the target reported success and does not show it" }
        : { outcome: "lease-lost" },
    );
  }
  return { ...outcome, verdicts };
}
