/** Plans one round: asks what the planner cannot know from the two listings, then lets it decide. */

import { ancestryQuestions, differenceOf, type CurrentRefs } from "./plan/difference.ts";
import { holdBack } from "./plan/hold-back.ts";
import { leaveExisting } from "./plan/leave-existing.ts";
import { planRefs, type PlannedRef } from "./plan/plan.ts";
import { askAncestry, type DownloadedPack } from "./ancestry.ts";
import type { Discovery } from "./discover.ts";
import type { Run } from "./run.ts";

export interface PlannedRun {
  /** What is to change or is kept from it. */
  readonly refs: readonly PlannedRef[];
  /**
   * The same as far as it can be foreseen: a plan downloads no content, so refs that only content could show to
   * move forward are held back in `refs`, and expected to.
   */
  readonly expected: readonly PlannedRef[];
  /** What is as it should be. */
  readonly current: CurrentRefs;
  /** A branch is to be deleted and the target did not tell which one its HEAD names. */
  readonly headUnknown: boolean;
  /** Content that an answer about fast-forwards brought along. */
  readonly downloaded: DownloadedPack | undefined;
}

export function planRun(run: Run, found: Discovery): Promise<PlannedRun> {
  run.observe({ type: "phase", phase: "plan" });
  const { policy, scope } = run.request;
  return run.span("git.plan", { "git_sync.refs.desired": found.desired.size }, async (span) => {
    const difference = differenceOf(found.desired, found.target.refs);
    const { current } = difference;
    const questions = run.onlyNew ? [] : ancestryQuestions(difference.changed, policy);
    const { facts: ancestry, downloaded } = await askAncestry(run, questions, found.source);
    const input = {
      difference,
      policy,
      ancestry,
      mayPrune: scope.mayPrune,
      sourceIsEmpty: found.source.isEmpty,
      sourceHead: found.source.head,
      canDelete: found.target.capabilities.has("delete-refs"),
      approvedPlan: run.approvedPlan,
    };
    let refs = planRefs({ ...input, targetHead: undefined });
    let headUnknown = false;
    // receive-pack does not tell HEAD, so its upload-pack is asked, but only when it matters.
    if (refs.some((ref) => ref.action === "delete" && ref.kind === "branch")) {
      const targetHead = await run.target.head(run.signal);
      headUnknown = targetHead === undefined;
      refs = planRefs({ ...input, targetHead });
    }
    if (run.onlyNew) refs = refs.map(leaveExisting);
    refs = holdBack(refs, run.heldBack);
    const expected = run.dryRun && !found.source.canFilter ? refs.map(asIfForward) : refs;
    span.setAttributes({
      "git_sync.refs.skipped": current.size,
      "git_sync.refs.blocked": refs.filter((ref) => ref.action === "block").length,
    });
    return { refs, expected, current, headUnknown, downloaded };
  });
}

/** A ref that is held back because nothing is known of its direction, moved forward. */
function asIfForward(ref: PlannedRef): PlannedRef {
  if (ref.action !== "block" || ref.code !== "ancestry-unproven") return ref;
  const { sourceRef, oldId, newId } = ref;
  if (sourceRef === undefined || oldId === undefined || newId === undefined) return ref;
  return { ...ref, sourceRef, oldId, newId, action: "update", destructive: false };
}
