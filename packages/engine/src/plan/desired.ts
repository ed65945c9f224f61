/** What the target should hold: the source's refs under the names that the scope gives them. Pure. */

import type { ObjectId, RefName } from "@gitsync/protocol";
import type { ResolvedPolicy } from "../request.ts";
import { ancestryKey, type AncestryPair } from "./ancestry-facts.ts";
import { refKind } from "./ref-kind.ts";
import type { ResolvedScope } from "./scope.ts";

export interface DesiredRef {
  readonly source: RefName;
  readonly target: RefName;
  readonly id: ObjectId;
}

export type DesiredOutcome =
  | { readonly ok: true; readonly desired: ReadonlyMap<RefName, DesiredRef> }
  | { readonly ok: false; readonly reason: "missing"; readonly source: RefName }
  | {
      readonly ok: false;
      readonly reason: "duplicate";
      readonly sources: readonly RefName[];
      readonly target: RefName;
    };

/** The desired refs by target name, in the order of the source's listing. */
export function desiredRefs(
  scope: ResolvedScope,
  sourceRefs: ReadonlyMap<RefName, ObjectId>,
): DesiredOutcome {
  const desired = new Map<RefName, DesiredRef>();
  const [first] = scope.branches;
  if (first !== undefined && scope.branches.every((name) => !sourceRefs.has(name))) {
    return { ok: false, reason: "missing", source: first };
  }
  for (const { source, target } of scope.mappings) {
    const id = sourceRefs.get(source);
    if (id === undefined) return { ok: false, reason: "missing", source };
    desired.set(target, { source, target, id });
  }
  for (const [source, id] of sourceRefs) {
    const target = scope.targetOf(source);
    if (target === undefined) continue;
    const other = desired.get(target);
    if (other) return { ok: false, reason: "duplicate", sources: [other.source, source], target };
    desired.set(target, { source, target, id });
  }
  return { ok: true, desired };
}

/**
 * The moves whose direction matters for the plan. Tags have none: a tag that points elsewhere has moved.
 * Replicate overwrites either way, so it asks only where losing commits has to be known.
 */
export function ancestryQuestions(
  desired: ReadonlyMap<RefName, DesiredRef>,
  targetRefs: ReadonlyMap<RefName, ObjectId>,
  policy: ResolvedPolicy,
): readonly AncestryPair[] {
  if (policy.mode === "replicate" && policy.destructive === "allow") return [];
  const pairs = new Map<string, AncestryPair>();
  for (const { target, id: newId } of desired.values()) {
    const oldId = targetRefs.get(target);
    if (oldId === undefined || oldId === newId || refKind(target) === "tag") continue;
    pairs.set(ancestryKey({ oldId, newId }), { oldId, newId });
  }
  return [...pairs.values()];
}
