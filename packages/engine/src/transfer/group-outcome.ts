/** What one group of a transfer means for those that follow it. Pure. */

import { formatRefName } from "@gitsync/protocol";
import { SyncError } from "../errors.ts";
import type { Verdicts } from "./outcome.ts";
import type { PushGroup } from "./push-stages.ts";

/** What became of the changes of one group, and what ended it before its end. */
export interface GroupOutcome {
  readonly verdicts: Verdicts;
  readonly error: unknown;
  /** What the target said where nothing fitted that was to be brought; what else there is to do is not touched by it. */
  readonly tooLarge?: unknown;
}

/** Why nothing may be overwritten or deleted: an old tip is not known to be safe. */
export function archiveError(outcome: GroupOutcome): unknown {
  const missing = [...outcome.verdicts].find(([, verdict]) => verdict.outcome !== "applied");
  if (missing === undefined) return undefined;
  const [ref, verdict] = missing;
  return (
    outcome.error ??
    new SyncError(
      "PUSH_REFUSED",
      "The target did not take the archive refs, so nothing was overwritten or deleted",
      { ref: formatRefName(ref), reason: verdict.outcome === "refused" ? verdict.reason : verdict.outcome },
    )
  );
}

/** Say of every ref without a verdict that it was not reached. */
export function markNotAttempted(verdicts: Verdicts, groups: readonly PushGroup[], error: unknown): void {
  const reason = error instanceof Error ? error.message : "the run ended before it";
  for (const { targetRef } of groups.flatMap((group) => group.changes)) {
    if (!verdicts.has(targetRef)) verdicts.set(targetRef, { outcome: "not-attempted", reason });
  }
}

/** Whether each of so many refs was refused because what it needs is too large. */
export function areTooLarge(verdicts: Verdicts, refs: number): boolean {
  const all = [...verdicts.values()];
  const areRefused = all.every(
    (verdict) => verdict.outcome === "refused" && verdict.code === "pack-too-large",
  );
  return areRefused && all.length === refs;
}
