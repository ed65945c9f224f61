/** Leaves refs alone that the caller knows to be refused. Pure. */

import { formatRefName } from "@gitsync/protocol";
import type { PlannedRef } from "./plan.ts";

/** A ref that is not to be tried as long as it would get this value. */
export interface HeldBackRef {
  readonly targetRef: string;
  /** Empty for a delete. */
  readonly sourceHash: string;
  /** Why the target refused it. */
  readonly reason: string;
}

/** The plan with such changes blocked; their code is `quarantined`. */
export function holdBack(
  planned: readonly PlannedRef[],
  heldBack: readonly HeldBackRef[],
): readonly PlannedRef[] {
  if (heldBack.length === 0) return planned;
  const known = new Map(heldBack.map((ref) => [ref.targetRef, ref]));
  return planned.map((ref): PlannedRef => {
    if (ref.action === "skip" || ref.action === "block") return ref;
    const held = known.get(formatRefName(ref.targetRef));
    const newId = ref.action === "delete" ? undefined : ref.newId;
    if (held === undefined || held.sourceHash !== (newId ?? "")) return ref;
    return {
      targetRef: ref.targetRef,
      kind: ref.kind,
      action: "block",
      sourceRef: ref.action === "delete" ? undefined : ref.sourceRef,
      oldId: ref.action === "create" ? undefined : ref.oldId,
      newId,
      code: "quarantined",
      reason: `left out until its value changes: ${held.reason}`,
    };
  });
}
