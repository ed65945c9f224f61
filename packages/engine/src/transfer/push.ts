/**
 * One push request, to its end: sent, answered, and in doubt looked up.
 *
 * After the first byte every error leaves the outcome unknown; then the target is listed until two listings
 * agree, and what they show is what happened.
 */

import { setTimeout as wait } from "node:timers/promises";
import type { ObjectFormat, ObjectId, RefName } from "@gitsync/protocol";
import { isSyncError, SyncError } from "../errors.ts";
import type { PushAnswer, RemoteObserver, TargetRemote } from "../remote/remote.ts";
import { judgeByListing, reportsAllApplied, wordsAbout, type Verdicts } from "./outcome.ts";
import type { PackBody } from "./pack-body.ts";
import type { PushGroup } from "./push-stages.ts";

/** Between two listings that have to agree; an orphaned receive-pack may still be at work in between. */
const SETTLE_MS = 1_000;
const MAX_SETTLE_LISTINGS = 6;

export interface PushInput {
  readonly group: PushGroup;
  readonly pack: PackBody | undefined;
  readonly atomic: boolean;
  readonly objectFormat: ObjectFormat;
}

export interface PushOutcome {
  readonly verdicts: Verdicts;
  /** The target could not take the pack as a whole. */
  readonly unpackFailed: boolean;
  /** Why the push ended early, when it did; verdicts then come from listings. */
  readonly error: unknown;
  /** Every ref of the group is where it was before. */
  readonly nothingApplied: boolean;
}

/** What is remembered of a target's progress lines: enough to name the cause of a refusal. */
const MAX_WORDS = 4_000;

export async function pushGroup(
  target: TargetRemote,
  input: PushInput,
  observer: RemoteObserver,
  signal: AbortSignal,
): Promise<PushOutcome> {
  let progress = "";
  const listening: RemoteObserver = {
    message: (text) => {
      if (progress.length < MAX_WORDS) progress += `${text}\n`;
      observer.message(text);
    },
  };
  const { group } = input;
  let answer: PushAnswer;
  try {
    answer = await target.push({ ...input, commands: group.commands }, listening, signal);
  } catch (error) {
    return afterError(target, input, error, signal);
  }
  if (reportsAllApplied(group.changes, answer)) {
    const verdicts: Verdicts = new Map(
      group.changes.map((change) => [change.targetRef, { outcome: "applied" }]),
    );
    return { verdicts, unpackFailed: false, error: undefined, nothingApplied: false };
  }
  const listed = await listOrUnknown(target, undefined, signal);
  // A hook speaks on the side; its words explain the bare "declined" of the report.
  const verdicts = judgeByListing(group.changes, listed, (ref) => {
    const words = wordsAbout(ref, answer);
    return words !== undefined && /declined|unpack|rejected/iu.test(words) && progress !== ""
      ? `${words} (${progress.trim()})`
      : words;
  });
  return {
    verdicts,
    unpackFailed: answer !== undefined && !answer.unpack.ok,
    error: undefined,
    nothingApplied: [...verdicts.values()].every((verdict) => verdict.outcome !== "applied"),
  };
}

async function afterError(
  target: TargetRemote,
  input: PushInput,
  error: unknown,
  signal: AbortSignal,
): Promise<PushOutcome> {
  // A run that its caller ended looks at nothing more; the next run lists first.
  if (signal.aborted) throw error;
  const { changes } = input.group;
  const listed = await settledListing(target, input, error, signal);
  const verdicts = judgeByListing(changes, listed, () => undefined);
  const nothingApplied = [...verdicts.values()].every((verdict) => verdict.outcome === "refused");
  return { verdicts, unpackFailed: false, error, nothingApplied };
}

/** List until two listings show the same values for the pushed refs. */
async function settledListing(
  target: TargetRemote,
  input: PushInput,
  error: unknown,
  signal: AbortSignal,
): Promise<ReadonlyMap<RefName, ObjectId>> {
  const { changes } = input.group;
  let before = await listOrUnknown(target, error, signal);
  if (judgedDone(changes, before) || wasRefusedUpFront(error)) return before;
  for (let round = 1; round < MAX_SETTLE_LISTINGS; round += 1) {
    await wait(SETTLE_MS, undefined, { signal, ref: true });
    const now = await listOrUnknown(target, error, signal);
    if (changes.every((change) => now.get(change.targetRef) === before.get(change.targetRef))) return now;
    before = now;
  }
  throw unknownOutcome(error);
}

function judgedDone(changes: PushGroup["changes"], listed: ReadonlyMap<RefName, ObjectId>): boolean {
  return [...judgeByListing(changes, listed, () => undefined).values()].every(
    (verdict) => verdict.outcome === "applied",
  );
}

/** Answers that a server gives before it starts anything. */
function wasRefusedUpFront(error: unknown): boolean {
  if (!isSyncError(error)) return false;
  const codes = [
    "AUTH_REQUIRED",
    "AUTH_DENIED",
    "NOT_FOUND",
    "LENGTH_REQUIRED",
    "RATE_LIMITED",
    "EGRESS_DENIED",
    "REDIRECT_REFUSED",
  ];
  return codes.includes(error.code);
}

async function listOrUnknown(
  target: TargetRemote,
  error: unknown,
  signal: AbortSignal,
): Promise<ReadonlyMap<RefName, ObjectId>> {
  try {
    return (await target.list(signal)).refs;
  } catch (failure) {
    if (signal.aborted) throw failure;
    throw unknownOutcome(error ?? failure);
  }
}

function unknownOutcome(cause: unknown): SyncError {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new SyncError(
    "OUTCOME_UNKNOWN",
    `Cannot tell whether the target took the push${why}`,
    {},
    { cause },
  );
}
