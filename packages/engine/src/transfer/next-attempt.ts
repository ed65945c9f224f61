/**
 * What to do after one push: it is settled, it may be tried again in another form, or it was too large. Pure.
 *
 * A push is repeated only when the target was seen to be as it was before. How often, is bounded for each reason.
 */

import type { RefName } from "@gitsync/protocol";
import { isSyncError, type SyncError } from "../errors.ts";
import { AMID_ANSWER } from "../remote/connection-failure.ts";
import { announcedLimit, type SizeEvidence } from "../batch/size-limit.ts";
import type { PackFacts, BufferMode } from "./pack-buffer.ts";
import type { PushOutcome } from "./push.ts";

/** The pack of a push, as far as it got. */
export interface CarriedPack {
  readonly mode: BufferMode;
  readonly isThin: boolean;
  readonly facts: PackFacts;
  /** What the transport took of it. */
  readonly sentBytes: number;
}

/** What was tried for the same request so far. */
export interface Attempts {
  /** Same pack, same form, after the connection broke. */
  readonly replays: number;
  /** What the transport had taken when the connection broke the last time. */
  readonly brokenAt: number | undefined;
  /** Waits for a ref that somebody else was just writing. */
  readonly waits: number;
}

export const NO_ATTEMPTS: Attempts = { replays: 0, brokenAt: undefined, waits: 0 };

export type NextAttempt =
  | { readonly type: "settled" }
  /** With every delta's base in the pack. */
  | { readonly type: "whole-pack"; readonly attempts: Attempts }
  /** With the pack whole in a file before the push opens. */
  | { readonly type: "spooled"; readonly attempts: Attempts; readonly reason: string }
  | { readonly type: "same"; readonly attempts: Attempts; readonly reason: string }
  /** Refs that were busy, alone. */
  | { readonly type: "later"; readonly attempts: Attempts; readonly delayMs: number }
  | { readonly type: "too-large"; readonly evidence: SizeEvidence };

/** Stock git's words for a held lock, which a lost race and a conflict of names share; a second try tells them apart. */
const BUSY = /^failed to update ref|cannot lock ref|unable to create .*\.lock/iu;
/** Smaller pushes that break off do so for another reason than their size, unless the target had begun to answer. */
const SUSPECT_BYTES = 64 * 1024;
/** Two cuts are at the same place when they are this close. */
const SAME_PLACE_RATIO = 0.25;
const SAME_PLACE_BYTES = 4 * 1024 * 1024;
const WAITS_MS: readonly number[] = [200, 400, 800, 1_600, 3_200];

export function nextAttempt(
  outcome: PushOutcome,
  pack: CarriedPack | undefined,
  attempts: Attempts,
  maySpool: boolean,
): NextAttempt {
  const verdicts = [...outcome.verdicts.values()];
  const allStayed = verdicts.every((verdict) => verdict.outcome === "refused");
  if (outcome.error === undefined && pack?.isThin === true && mayBeThin(outcome)) {
    return { type: "whole-pack", attempts };
  }
  if (allStayed && pack !== undefined) {
    const next = afterPack(outcome, pack, attempts, maySpool);
    if (next !== undefined) return next;
  }
  const error = isSyncError(outcome.error) ? outcome.error : undefined;
  if (allStayed && attempts.replays === 0 && pack?.mode !== "stream" && isCut(error)) {
    const replays = attempts.replays + 1;
    return { type: "same", attempts: { ...attempts, replays }, reason: "the connection to the target broke" };
  }
  // Whatever is whole was sent again with other credentials by the transport itself.
  if (allStayed && attempts.replays === 0 && pack?.mode === "stream" && wasUnauthorized(error)) {
    const replays = attempts.replays + 1;
    const reason = "the target no longer took the credentials when the pack was sent";
    return { type: "same", attempts: { ...attempts, replays }, reason };
  }
  const delayMs = WAITS_MS[attempts.waits];
  if (outcome.error === undefined && delayMs !== undefined && busyRefs(outcome).length > 0) {
    return { type: "later", attempts: { ...attempts, waits: attempts.waits + 1 }, delayMs };
  }
  return { type: "settled" };
}

/** The refs of a push that somebody else was just writing, by all appearances. */
export function busyRefs(outcome: PushOutcome): readonly RefName[] {
  return [...outcome.verdicts]
    .filter(
      ([, verdict]) =>
        verdict.outcome === "refused" && verdict.code === "refused-unknown" && BUSY.test(verdict.reason),
    )
    .map(([ref]) => ref);
}

/** What a pack that changed nothing calls for. */
function afterPack(
  outcome: PushOutcome,
  pack: CarriedPack,
  attempts: Attempts,
  maySpool: boolean,
): NextAttempt | undefined {
  const error = isSyncError(outcome.error) ? outcome.error : undefined;
  const spooled = (reason: string): NextAttempt => ({ type: "spooled", attempts, reason });
  if (error?.code === "LENGTH_REQUIRED" && pack.mode === "stream" && maySpool) {
    return spooled("the target demands to know the length of a push");
  }
  const isLate = isDeadline(error);
  if (isLate && pack.mode === "stream" && pack.facts.sourceWasSlow && maySpool) {
    return spooled("the source was too slow for the target's patience");
  }
  const evidence = evidenceOf(outcome, pack);
  if (evidence === undefined) return undefined;
  if (evidence.kind !== "suspected" || outcome.unpackFailed) return { type: "too-large", evidence };
  // One cut is bad luck; a second one at the same place has a cause.
  if (attempts.brokenAt !== undefined && isSamePlace(attempts.brokenAt, pack.sentBytes)) {
    return { type: "too-large", evidence };
  }
  if (attempts.replays > 0) return undefined;
  return {
    type: "same",
    attempts: { ...attempts, replays: attempts.replays + 1, brokenAt: pack.sentBytes },
    reason: "the connection to the target broke",
  };
}

/** What an outcome says about the size of its pack. */
function evidenceOf(outcome: PushOutcome, pack: CarriedPack): SizeEvidence | undefined {
  const error = isSyncError(outcome.error) ? outcome.error : undefined;
  const isStreamed = pack.mode === "stream";
  const bytes = isStreamed ? pack.sentBytes : pack.facts.bytes;
  const evidence = (kind: SizeEvidence["kind"], words = ""): SizeEvidence => ({
    kind,
    bytes,
    isStreamed,
    announcedBytes: announcedLimit(words),
  });
  const refusal = [...outcome.verdicts.values()].find(
    (verdict) => verdict.outcome === "refused" && verdict.code === "pack-too-large",
  );
  if (refusal?.outcome === "refused") return evidence("refused", refusal.reason);
  if (error?.code === "PACK_TOO_LARGE") return evidence("refused", error.message);
  if (bytes < SUSPECT_BYTES && error?.details["phase"] !== AMID_ANSWER) return undefined;
  if (isDeadline(error)) return evidence("deadline");
  if (isCut(error) || (outcome.unpackFailed && mayBeThin(outcome))) return evidence("suspected");
  return undefined;
}

/** 408 and 504: the target, or what stands before it, had no more patience. */
function isDeadline(error: SyncError | undefined): boolean {
  return error?.code === "REMOTE_TIMEOUT" && error.details["status"] !== undefined;
}

/** The connection went away, or something before the target says that the target did: 500, 502. */
function isCut(error: SyncError | undefined): boolean {
  if (error === undefined) return false;
  return (
    error.code === "REMOTE_UNREACHABLE" ||
    (error.code === "REMOTE_UNAVAILABLE" && error.details["status"] !== 503)
  );
}

/** 401: refused for who we are said to be, before anything was begun. */
function wasUnauthorized(error: SyncError | undefined): boolean {
  return error?.details["status"] === 401;
}

function isSamePlace(first: number, second: number): boolean {
  return Math.abs(first - second) <= Math.max(SAME_PLACE_BYTES, SAME_PLACE_RATIO * Math.max(first, second));
}

/** A target that cannot complete a thin pack says only that it could not unpack it. */
function mayBeThin(outcome: PushOutcome): boolean {
  if (!outcome.unpackFailed) return false;
  return [...outcome.verdicts.values()].every(
    (verdict) =>
      verdict.outcome === "refused" &&
      (verdict.code === "missing-objects" || verdict.code === "refused-unknown"),
  );
}
