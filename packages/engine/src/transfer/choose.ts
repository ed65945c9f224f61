/** Chooses how the planned changes reach the target, and says why. Pure. */

import type { ObjectId, RefName } from "@gitsync/protocol";
import type { PlannedChange } from "../plan/plan.ts";

/** A transfer with its stable reason. */
export interface Transfer {
  readonly mode: "nothing" | "refs-only" | "relay";
  readonly reason:
    | "already-converged"
    | "all-blocked"
    | "deletes-only"
    | "objects-present"
    | "target-empty"
    | "objects-missing";
  /** New tips that the target has not listed, so that it may lack them. */
  readonly missing: readonly ObjectId[];
}

export interface ChooseInput {
  readonly changes: readonly PlannedChange[];
  /** Something was blocked, so that having no changes does not mean being converged. */
  readonly hasBlocked: boolean;
  readonly targetRefs: ReadonlyMap<RefName, ObjectId>;
  readonly targetTips: readonly ObjectId[];
}

export function chooseTransfer(input: ChooseInput): Transfer {
  const { changes } = input;
  if (changes.length === 0) {
    return { mode: "nothing", reason: input.hasBlocked ? "all-blocked" : "already-converged", missing: [] };
  }
  if (changes.every((change) => change.action === "delete")) {
    return { mode: "refs-only", reason: "deletes-only", missing: [] };
  }
  // A listed ref proves that the target has everything behind it.
  const present = new Set([...input.targetRefs.values(), ...input.targetTips]);
  const missing = missingTips(changes, present);
  if (missing.length === 0) return { mode: "refs-only", reason: "objects-present", missing };
  return { mode: "relay", reason: present.size === 0 ? "target-empty" : "objects-missing", missing };
}

/** The new tips among `changes` that are not in `present`, each once. */
export function missingTips(
  changes: readonly PlannedChange[],
  present: ReadonlySet<ObjectId>,
): readonly ObjectId[] {
  const missing = new Set<ObjectId>();
  for (const change of changes) {
    if (change.action !== "delete" && !present.has(change.newId)) missing.add(change.newId);
  }
  return [...missing];
}

/**
 * What to tell the source that the target has: old values of the refs that change, then tips that both list,
 * then some of the rest, so that objects behind refs that only the target has are not sent again.
 */
export function chooseHaves(
  changes: readonly PlannedChange[],
  sourceTips: ReadonlySet<ObjectId>,
  targetRefs: ReadonlyMap<RefName, ObjectId>,
  limits: { readonly maxHaves: number; readonly sample: number },
): readonly ObjectId[] {
  const haves = new Set<ObjectId>();
  for (const change of changes) if (change.action === "update") haves.add(change.oldId);
  const olds = haves.size;
  const rest: ObjectId[] = [];
  for (const id of new Set(targetRefs.values())) {
    if (haves.has(id)) continue;
    if (!sourceTips.has(id)) rest.push(id);
    else if (haves.size - olds < limits.maxHaves) haves.add(id);
  }
  const step = Math.max(1, Math.ceil(rest.length / limits.sample));
  for (let index = 0; index < rest.length; index += step) {
    const id = rest[index];
    if (id !== undefined) haves.add(id);
  }
  return [...haves];
}
