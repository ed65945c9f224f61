/** Deletes refs of our own that are needed no longer. What stays changes no ref of the user's, and is told. */

import type { ObjectId, RefName } from "@gitsync/protocol";
import type { OpenVerdict, Verdicts } from "./outcome.ts";
import type { PackCarrier } from "./pack-carrier.ts";
import { chunked } from "./push-stages.ts";

/** What became of each; never rejects. What stays is found by the next run, which tries again. */
export async function deleteRefs(
  carrier: PackCarrier,
  refs: ReadonlyMap<RefName, ObjectId>,
  { canDelete, maxRefUpdates }: { readonly canDelete: boolean; readonly maxRefUpdates: number },
): Promise<Verdicts> {
  const verdicts: Verdicts = new Map();
  const deletes = [...refs].map(([ref, oldId]) => ({ type: "delete", ref, oldId }) as const);
  if (!canDelete) {
    const verdict = { outcome: "refused", code: "deletion-denied", reason: "it takes no deletes" } as const;
    for (const { ref } of deletes) verdicts.set(ref, verdict);
    return verdicts;
  }
  for (const commands of chunked(deletes, maxRefUpdates)) {
    try {
      const { outcome } = await carrier.deliver({
        commands,
        wants: [],
        haves: [],
        atomic: false,
        mostBytes: Number.POSITIVE_INFINITY,
        phase: "clean-up",
      });
      for (const [ref, verdict] of outcome.verdicts) verdicts.set(ref, verdict);
    } catch (error) {
      const reason = error instanceof Error ? error.message : "the run ended before it";
      for (const { ref } of commands) verdicts.set(ref, { outcome: "not-attempted", reason });
    }
  }
  return verdicts;
}

/** Add what was to go and is not known to be gone. */
export function noteLeftovers(leftovers: Map<RefName, OpenVerdict>, verdicts: Verdicts): void {
  for (const [ref, verdict] of verdicts) if (verdict.outcome !== "applied") leftovers.set(ref, verdict);
}
