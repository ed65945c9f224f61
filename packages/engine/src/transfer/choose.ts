/** Chooses how the planned changes reach the target, and says why. Pure. */

import type { ObjectId, RefTable } from "@gitsync/protocol";
import { temporaryTips } from "../batch/temporary-refs.ts";
import type { PlannedChange } from "../plan/plan.ts";

/** A transfer with its stable reason. */
export interface Transfer {
  readonly mode: "nothing" | "refs-only" | "relay" | "batched";
  readonly reason:
    | "already-converged"
    | "all-blocked"
    | "deletes-only"
    | "objects-present"
    | "target-empty"
    | "objects-missing"
    | "leftovers-only"
    | "limit-configured"
    | "limit-learned"
    | "limit-published"
    | "batches-unfinished"
    | "limit-met";
  /** New tips that the target has not listed, so that it may lack them. */
  readonly missing: readonly ObjectId[];
}

/** A push found out what the target takes, or the source's pack turned out to be more than the host publishes. */
export type DivisionReason = Extract<Transfer["reason"], "limit-met" | "limit-published">;

export interface ChooseInput {
  readonly changes: readonly PlannedChange[];
  /** Something was blocked, so that having no changes does not mean being converged. */
  readonly hasBlocked: boolean;
  readonly targetRefs: RefTable;
  readonly targetTips: readonly ObjectId[];
  /** Why a limit on the size of a push is known before it, if one is. */
  readonly limitReason:
    | Extract<Transfer["reason"], "limit-configured" | "limit-learned" | "batches-unfinished">
    | undefined;
  /** Temporary refs of a run that did not come to its end are there. */
  readonly hasLeftovers: boolean;
}

export function chooseTransfer(input: ChooseInput): Transfer {
  const { changes } = input;
  if (changes.length === 0 && input.hasLeftovers && !input.hasBlocked) {
    return { mode: "refs-only", reason: "leftovers-only", missing: [] };
  }
  if (changes.length === 0) {
    return { mode: "nothing", reason: input.hasBlocked ? "all-blocked" : "already-converged", missing: [] };
  }
  if (changes.every((change) => change.action === "delete")) {
    return { mode: "refs-only", reason: "deletes-only", missing: [] };
  }
  // A listed ref proves that the target has everything behind it.
  const missing = missingTips(changes, presentTips(changes, input.targetRefs, input.targetTips));
  if (missing.length === 0) return { mode: "refs-only", reason: "objects-present", missing };
  if (input.limitReason !== undefined) return { mode: "batched", reason: input.limitReason, missing };
  const isEmpty = input.targetRefs.size === 0 && input.targetTips.length === 0;
  return { mode: "relay", reason: isEmpty ? "target-empty" : "objects-missing", missing };
}

/** Those of the new tips among `changes` that the target lists; `targetTips` as they are. */
export function presentTips(
  changes: readonly PlannedChange[],
  targetRefs: RefTable,
  targetTips: readonly ObjectId[],
): Set<ObjectId> {
  const wanted = new Set<ObjectId>();
  for (const change of changes) if (change.action !== "delete") wanted.add(change.newId);
  return new Set([...targetRefs.idsAmong(wanted), ...targetTips]);
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

/** A sample of target tips that only the target has, offered as haves. */
export const HAVE_SAMPLE = 256;

/**
 * What to tell the source that the target has: old values of the refs that change, what an unfinished run brought,
 * then tips that both list, then some of the rest, so that objects behind refs that only the target has are not
 * sent again.
 */
export function chooseHaves(
  changes: readonly PlannedChange[],
  sourceRefs: RefTable,
  targetRefs: RefTable,
  limits: { readonly maxHaves: number; readonly sample: number },
): readonly ObjectId[] {
  const haves = new Set<ObjectId>();
  for (const change of changes) if (change.action === "update") haves.add(change.oldId);
  for (const id of temporaryTips(targetRefs)) haves.add(id);
  const full = haves.size + limits.maxHaves;
  const others = new Set<ObjectId>();
  let behind = 0;
  for (let row = 0; row < targetRefs.size; row += 1) {
    const found = sourceRefs.rowLike(targetRefs, row, behind);
    if (found >= 0) behind = found + 1;
    if (found < 0 || !sourceRefs.equalId(found, targetRefs, row)) others.add(targetRefs.id(row));
    else if (haves.size < full) haves.add(targetRefs.id(row));
  }
  const shared = sourceRefs.idsAmong(others);
  for (const id of shared) if (haves.size < full) haves.add(id);
  const rest = [...others].filter((id) => !haves.has(id) && !shared.has(id));
  const step = Math.max(1, Math.ceil(rest.length / limits.sample));
  for (let index = 0; index < rest.length; index += step) {
    const id = rest[index];
    if (id !== undefined) haves.add(id);
  }
  return [...haves];
}
