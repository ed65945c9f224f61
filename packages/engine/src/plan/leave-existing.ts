/** The rule of a first mirror: it makes refs, and changes none that the target has. Pure. */

import type { PlannedRef } from "./plan.ts";

/** The same, unless it would change a ref that is there: that is blocked. */
export function leaveExisting(planned: PlannedRef): PlannedRef {
  if (planned.action === "create" || planned.action === "skip") return planned;
  const { targetRef, kind, oldId } = planned;
  const isDelete = planned.action === "delete";
  return {
    targetRef,
    kind,
    oldId,
    sourceRef: isDelete ? undefined : planned.sourceRef,
    newId: isDelete ? undefined : planned.newId,
    action: "block",
    code: "already-exists",
    reason: "the target has it already, and a first mirror changes no ref",
  };
}
