/**
 * The planner: what both sides list, and the rules, become one action per target ref. Pure: no I/O, no clock.
 *
 * Every action has a stable code and a sentence for people. A delete is never planned on inferred emptiness,
 * and a ref that cannot be proven to move forward is never moved without leave.
 */

import {
  compareRefNames,
  formatRefName,
  isValidRefName,
  type ObjectId,
  type RefName,
} from "@gitsync/protocol";
import type { ResolvedPolicy } from "../request.ts";
import type { RefKind } from "../schema/index.ts";
import { ancestryKey, type AncestryFacts } from "./ancestry-facts.ts";
import { RefNamespace } from "./directory-file.ts";
import { refKind } from "./ref-kind.ts";
import { deleteDigest } from "./delete-digest.ts";
import type { DesiredRef } from "./desired.ts";
import type { ChangedRef, RefDifference } from "./difference.ts";

interface PlannedBase {
  readonly targetRef: RefName;
  readonly kind: RefKind;
  /** Stable, kebab-case. */
  readonly code: string;
  readonly reason: string;
}

/** A ref that a push would change. */
export type PlannedChange =
  | (PlannedBase & { readonly action: "create"; readonly sourceRef: RefName; readonly newId: ObjectId })
  | (PlannedBase & {
      readonly action: "update";
      readonly sourceRef: RefName;
      readonly oldId: ObjectId;
      readonly newId: ObjectId;
      /** The old tip is not reachable from the new one, or that is not known. */
      readonly destructive: boolean;
    })
  | (PlannedBase & {
      readonly action: "delete";
      readonly oldId: ObjectId;
      /** It makes room for a ref of the same plan, so it goes first, in a push of its own. */
      readonly clearsTheWay: boolean;
    });

/** A ref that stays as it is. */
export interface PlannedRest extends PlannedBase {
  readonly action: "skip" | "block";
  readonly sourceRef: RefName | undefined;
  readonly oldId: ObjectId | undefined;
  readonly newId: ObjectId | undefined;
}

export type PlannedRef = PlannedChange | PlannedRest;

export interface PlanInput {
  readonly difference: RefDifference;
  readonly policy: ResolvedPolicy;
  readonly ancestry: AncestryFacts;
  /** Which target refs the scope may delete. */
  readonly mayPrune: (target: RefName) => boolean;
  /** The source listed no ref at all, in or out of scope. */
  readonly sourceIsEmpty: boolean;
  /** The branch that the source's HEAD names; its ref goes first, for hosts that make the first branch the default. */
  readonly sourceHead: RefName | undefined;
  /** The branch that the target's HEAD names, when that is known. */
  readonly targetHead: RefName | undefined;
  readonly canDelete: boolean;
  /** Digest of the deletes that a person approved although they are many. */
  readonly approvedPlan: string | undefined;
}

/** Every ref that is to change or is kept from it, in the order of {@link inPlanOrder}; current refs need no plan. */
export function planRefs(input: PlanInput): readonly PlannedRef[] {
  const writes = input.difference.changed.map((changed) => planWrite(changed, input));
  const deletes = planDeletes(input);
  return inPlanOrder(clearTheWay([...writes, ...deletes], input), input.sourceHead);
}

/** HEAD's branch first, deletes last, by name in between. A new array. */
export function inPlanOrder(
  refs: readonly PlannedRef[],
  sourceHead: RefName | undefined,
): readonly PlannedRef[] {
  const rank = (ref: PlannedRef): number => {
    if (ref.action === "delete") return 2;
    return ref.sourceRef !== undefined && ref.sourceRef === sourceHead ? 0 : 1;
  };
  return refs.toSorted((a, b) => rank(a) - rank(b) || compareRefNames(a.targetRef, b.targetRef));
}

/** A ref that the target has as it should be. */
export function currentRef({ target: targetRef, source: sourceRef, id }: DesiredRef): PlannedRest {
  const base = { targetRef, sourceRef, kind: refKind(targetRef), oldId: id, newId: id };
  return { ...base, action: "skip", code: "already-current", reason: "already current" };
}

function planWrite(changed: ChangedRef, input: PlanInput): PlannedRef {
  const { target: targetRef, source: sourceRef, id: newId, oldId } = changed;
  const kind = refKind(targetRef);
  const base = { targetRef, sourceRef, kind, newId };
  const block = (code: string, reason: string): PlannedRef => ({
    ...base,
    oldId,
    action: "block",
    code,
    reason,
  });
  if (oldId === undefined) {
    // What both sides list was looked at when it came in; a name that a pattern made was not.
    return targetRef === sourceRef || isValidRefName(targetRef)
      ? { ...base, action: "create", code: "create", reason: "new at the source" }
      : block("invalid-name", "its pattern makes a name of it that git does not take");
  }
  const fact = input.ancestry.get(ancestryKey({ oldId, newId })) ?? "unproven";
  const update = (code: string, reason: string, destructive: boolean): PlannedRef => {
    if (!destructive || input.policy.destructive !== "block") {
      return { ...base, oldId, action: "update", code, reason, destructive };
    }
    return kind !== "tag" && fact === "unproven"
      ? block("ancestry-unproven", "not proven to be a fast-forward, and the policy forbids to lose commits")
      : block("destructive-blocked", "would lose commits, which the policy forbids");
  };
  if (kind !== "tag" && fact === "fast-forward") return update("fast-forward", "fast-forward", false);
  if (input.policy.mode === "replicate") return update("replicate-overwrite", "set to the source's", true);
  if (input.policy.force) return update("forced", "forced: not a fast-forward", true);
  if (kind === "tag") return block("tag-moved", "the tag moved at the source; force overwrites it");
  if (fact === "unproven") {
    return block("ancestry-unproven", "not proven to be a fast-forward; force overwrites it");
  }
  return block("not-fast-forward", "the target has commits that the source lacks; force overwrites them");
}

function planDeletes(input: PlanInput): readonly PlannedRef[] {
  if (!input.policy.prune) return [];
  const { target, isDesired } = input.difference;
  const gone: { readonly targetRef: RefName; readonly oldId: ObjectId }[] = [];
  for (let row = 0; row < target.size; row += 1) {
    if (isDesired(row)) continue;
    const targetRef = target.name(row);
    if (input.mayPrune(targetRef)) gone.push({ targetRef, oldId: target.id(row) });
  }
  if (gone.length === 0) return [];
  let managed = 0;
  for (const name of target.names()) if (input.mayPrune(name)) managed += 1;
  const guard = deleteGuard(gone, managed, input);
  return gone.map(({ targetRef, oldId }) => {
    const base = { targetRef, kind: refKind(targetRef), oldId };
    const block = (code: string, reason: string): PlannedRef => ({
      ...base,
      action: "block",
      sourceRef: undefined,
      newId: undefined,
      code,
      reason,
    });
    if (guard) return block(guard.code, guard.reason);
    if (targetRef === input.targetHead) {
      return block("default-branch", "it is the target's default branch; change that at the target first");
    }
    return {
      ...base,
      action: "delete",
      code: "source-ref-gone",
      reason: "gone at the source",
      clearsTheWay: false,
    };
  });
}

/** Why no ref may be deleted at all, if so. A listing that came back short must never empty a target. */
function deleteGuard(
  gone: readonly { readonly targetRef: RefName; readonly oldId: ObjectId }[],
  managed: number,
  input: PlanInput,
): { readonly code: string; readonly reason: string } | undefined {
  const deletes = gone.length;
  if (input.sourceIsEmpty) {
    return {
      code: "source-empty",
      reason: "the source lists no refs, which proves nothing; nothing is deleted",
    };
  }
  if (!input.canDelete) return { code: "deletes-unsupported", reason: "the target does not take deletes" };
  if (input.policy.destructive === "block") {
    return { code: "destructive-blocked", reason: "is gone at the source, but the policy forbids deletes" };
  }
  const { count, percent } = input.policy.maxDeletes;
  if (deletes > count && deletes * 100 > percent * managed) {
    const digest = deleteDigest(gone);
    if (digest === input.approvedPlan) return undefined;
    return {
      code: "mass-delete",
      reason: `${deletes} of ${managed} refs would be deleted, more than ${count} and ${percent} % (plan ${digest})`,
    };
  }
  return undefined;
}

/** Let deletes that make room for a new ref go first; block a new ref whose place stays taken. */
function clearTheWay(planned: readonly PlannedRef[], input: PlanInput): readonly PlannedRef[] {
  const creates = planned.filter((ref) => ref.action === "create");
  if (creates.length === 0) return planned;
  const deletes = new Set(planned.filter((ref) => ref.action === "delete").map((ref) => ref.targetRef));
  const { target } = input.difference;
  const created = new Set<RefName>();
  const present = new RefNamespace(
    target,
    creates.map((ref) => ref.targetRef),
  );
  const cleared = new Set<RefName>();
  const blocked = new Map<RefName, RefName>();
  for (const { targetRef } of creates) {
    const conflicts = present.conflictsOf(targetRef).filter((name) => target.has(name) || created.has(name));
    const fixed = conflicts.find((name) => !deletes.has(name));
    if (fixed === undefined) {
      created.add(targetRef);
      for (const name of conflicts) cleared.add(name);
    } else {
      blocked.set(targetRef, fixed);
    }
  }
  return planned.map((ref) => {
    if (ref.action === "delete" && cleared.has(ref.targetRef)) return { ...ref, clearsTheWay: true };
    const inTheWay = ref.action === "create" ? blocked.get(ref.targetRef) : undefined;
    if (ref.action !== "create" || inTheWay === undefined) return ref;
    return {
      ...ref,
      action: "block",
      oldId: undefined,
      code: "directory-file-conflict",
      reason: `cannot stand beside ${formatRefName(inTheWay)}`,
    };
  });
}
