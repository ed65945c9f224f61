/** Which refs a route leaves out, and for how long. Pure. */

import type { HeldBackRef, RefResult } from "@gitsync/engine";
import { refusalWithCode } from "@gitsync/engine/unstable";
import type { QuarantinedRef } from "@gitsync/jobs";

/** A rule at the target may be gone tomorrow. */
const TRIED_AGAIN_MS = 24 * 60 * 60 * 1000;

/** What the engine is to leave alone now. */
export function heldBackRefs(quarantine: readonly QuarantinedRef[], now: number): readonly HeldBackRef[] {
  return quarantine
    .filter(({ until }) => until > now)
    .map(({ targetRef, sourceHash, reason }) => ({ targetRef, sourceHash, reason }));
}

/** The list after a run: what was refused by a rule, and what was left out and would be refused again. */
export function quarantineAfter(
  before: readonly QuarantinedRef[],
  refs: readonly RefResult[],
  now: number,
): readonly QuarantinedRef[] {
  const known = new Map(before.map((ref) => [ref.targetRef, ref]));
  return refs.flatMap((ref): QuarantinedRef[] => {
    const old = known.get(ref.targetRef);
    if (ref.code === "quarantined") return old === undefined ? [] : [old];
    if (ref.outcome !== "refused" || !refusalWithCode(ref.code).isLasting) return [];
    return [refused(ref, old?.sourceHash === ref.sourceHash ? old.since : now, now)];
  });
}

function refused(
  { targetRef, sourceHash, code, reason }: RefResult,
  since: number,
  now: number,
): QuarantinedRef {
  return { targetRef, sourceHash, code, reason, since, until: now + TRIED_AGAIN_MS };
}
