/**
 * One push request, to its end: sent, answered, and in doubt looked up.
 *
 * After the first byte every error leaves the outcome unknown; then the target is listed until two listings
 * agree, and what they show is what happened.
 */

import { setTimeout as wait } from "node:timers/promises";
import { sanitizeText, type ObjectFormat, type RefTable, type RefUpdateCommand } from "@gitsync/protocol";
import type { Span } from "@opentelemetry/api";
import { isSyncError, SyncError } from "../errors.ts";
import type { PushAnswer, RemoteObserver, TargetRemote } from "../remote/remote.ts";
import {
  judgeAll,
  judgeByListing,
  reportsAllApplied,
  wordsAbout,
  type RefVerdict,
  type Verdicts,
} from "./outcome.ts";
import { markFailed } from "../spans.ts";
import type { PackBody } from "./pack-body.ts";

/** Between two listings that have to agree; an orphaned receive-pack may still be at work in between. */
const SETTLE_MS = 1_000;
const MAX_SETTLE_LISTINGS = 6;

export interface PushInput {
  readonly commands: readonly RefUpdateCommand[];
  readonly pack: PackBody | undefined;
  readonly atomic: boolean;
  readonly objectFormat: ObjectFormat;
  /** Whether we broke the pack off ourselves, before its end. */
  readonly isGivenUp: () => boolean;
}

export interface PushOutcome {
  /** By ref of every command. */
  readonly verdicts: Verdicts;
  /** The target could not take the pack as a whole. */
  readonly unpackFailed: boolean;
  /** Why the push ended early, when it did; verdicts then come from listings, or are all unknown. */
  readonly error: unknown;
  /** The target kept the pack: it is not in a quarantine that was thrown away. */
  readonly packKept: boolean;
}

/** What is remembered of a target's progress lines: enough to name the cause of a refusal. */
const MAX_WORDS = 4_000;
/** How much of them a span shows. */
const MAX_REASON = 300;

/** Never rejects: whatever happens after the push was begun is told as an outcome. */
export async function pushOnce(
  target: TargetRemote,
  input: PushInput,
  observer: RemoteObserver,
  signal: AbortSignal,
): Promise<PushOutcome> {
  let progress = "";
  const listening: RemoteObserver = {
    message: (text, isTransient) => {
      if (!isTransient && progress.length < MAX_WORDS) progress += `${text}\n`;
      observer.message(text, isTransient);
    },
  };
  const { commands, atomic, objectFormat, pack } = input;
  let answer: PushAnswer;
  try {
    answer = await target.push({ commands, atomic, objectFormat, pack }, listening, signal);
  } catch (error) {
    if (input.isGivenUp()) return givenUp(commands, error);
    return afterError(target, commands, error, signal);
  }
  if (reportsAllApplied(commands, answer)) {
    const verdicts = judgeAll(commands, { outcome: "applied" });
    return { verdicts, unpackFailed: false, error: undefined, packKept: true };
  }
  let listed: RefTable;
  try {
    listed = (await target.list(signal)).refs;
  } catch (failure) {
    return unknownOutcome(commands, failure, signal);
  }
  // A hook speaks on the side; its words explain the bare "declined" of the report.
  const verdicts = judgeByListing(commands, listed, (ref) => {
    const words = wordsAbout(ref, answer);
    return words !== undefined && /declined|unpack|rejected|failed to update/iu.test(words) && progress !== ""
      ? `${words} (${progress.trim()})`
      : words;
  });
  return {
    verdicts,
    unpackFailed: answer !== undefined && !answer.unpack.ok,
    error: undefined,
    packKept:
      answer === undefined
        ? someApplied(verdicts)
        : answer.unpack.ok && answer.commands.some((command) => command.type === "ok"),
  };
}

/** What the target answered. The run may go on after a push that failed, so the span alone tells of it. */
export function describePush(span: Span, { verdicts, error }: PushOutcome): void {
  const all = [...verdicts.values()];
  const count = (outcome: RefVerdict["outcome"]): number =>
    all.filter((verdict) => verdict.outcome === outcome).length;
  span.setAttributes({
    "git_sync.refs.applied": count("applied"),
    "git_sync.refs.refused": count("refused"),
  });
  const refused = all.find((verdict) => verdict.outcome === "refused");
  if (error !== undefined) markFailed(span, error);
  else if (refused !== undefined)
    markFailed(span, new SyncError("REFS_REFUSED", sanitizeText(refused.reason, { maxLength: MAX_REASON })));
  else if (count("lease-lost") > 0) markFailed(span, new SyncError("LEASE_LOST", "The target's refs moved"));
}

/** A pack whose trailer never left is no pack: nothing can have come of it, and nobody need be asked. */
function givenUp(commands: readonly RefUpdateCommand[], error: unknown): PushOutcome {
  const reason = error instanceof Error ? error.message : "the pack was given up";
  const verdicts = judgeAll(commands, { outcome: "not-attempted", reason });
  return { verdicts, unpackFailed: false, error, packKept: false };
}

/** The error that ends a transfer; one that left no ref behind does not. */
export function endOf(outcome: PushOutcome): unknown {
  const isDone = [...outcome.verdicts.values()].every(
    (verdict) => verdict.outcome === "applied" || verdict.outcome === "lease-lost",
  );
  return isDone ? undefined : outcome.error;
}

/** The connection broke and the target stayed as it was: those refs were not refused, they were not reached. */
export function markUnreached(verdicts: Verdicts, outcome: PushOutcome): void {
  const reason = outcome.error instanceof Error ? outcome.error.message : "the connection broke";
  for (const [ref, verdict] of outcome.verdicts) {
    if (verdict.outcome === "refused") verdicts.set(ref, { outcome: "not-attempted", reason });
  }
}

async function afterError(
  target: TargetRemote,
  commands: readonly RefUpdateCommand[],
  error: unknown,
  signal: AbortSignal,
): Promise<PushOutcome> {
  // A caller that ended looks at nothing more; the next run lists first.
  if (signal.aborted) return unknownOutcome(commands, error, signal);
  let listed: RefTable | undefined;
  try {
    listed = await settledListing(target, commands, error, signal);
  } catch (failure) {
    if (!wasRefusedUpFront(error)) return unknownOutcome(commands, signal.aborted ? failure : error, signal);
    // The answer itself says that nothing was begun, and a target that refuses us may refuse to list, too.
    const reason = error instanceof Error ? error.message : "the target refused";
    const verdicts = judgeAll(commands, { outcome: "not-attempted", reason });
    return { verdicts, unpackFailed: false, error, packKept: false };
  }
  if (listed === undefined) return unknownOutcome(commands, error, signal);
  const verdicts = judgeByListing(commands, listed, () => undefined);
  return { verdicts, unpackFailed: false, error, packKept: someApplied(verdicts) };
}

/** List until two listings show the same values for the pushed refs; `undefined` when they never do. */
async function settledListing(
  target: TargetRemote,
  commands: readonly RefUpdateCommand[],
  error: unknown,
  signal: AbortSignal,
): Promise<RefTable | undefined> {
  let before = (await target.list(signal)).refs;
  if (judgedDone(commands, before) || wasRefusedUpFront(error)) return before;
  for (let round = 1; round < MAX_SETTLE_LISTINGS; round += 1) {
    await wait(SETTLE_MS, undefined, { signal, ref: true });
    const now = (await target.list(signal)).refs;
    if (commands.every(({ ref }) => now.get(ref) === before.get(ref))) return now;
    before = now;
  }
  return undefined;
}

function judgedDone(commands: readonly RefUpdateCommand[], listed: RefTable): boolean {
  return [...judgeByListing(commands, listed, () => undefined).values()].every(
    (verdict) => verdict.outcome === "applied",
  );
}

function someApplied(verdicts: Verdicts): boolean {
  return [...verdicts.values()].some((verdict) => verdict.outcome === "applied");
}

/** Answers that a server gives before it starts anything. */
function wasRefusedUpFront(error: unknown): boolean {
  if (!isSyncError(error)) return false;
  const codes = [
    "AUTH_REQUIRED",
    "AUTH_DENIED",
    "NOT_FOUND",
    "LENGTH_REQUIRED",
    "PACK_TOO_LARGE",
    "RATE_LIMITED",
    "EGRESS_DENIED",
    "REDIRECT_REFUSED",
  ];
  return codes.includes(error.code);
}

function unknownOutcome(
  commands: readonly RefUpdateCommand[],
  cause: unknown,
  signal: AbortSignal,
): PushOutcome {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  const reason = `cannot tell whether the target took it${why}`;
  const error = signal.aborted
    ? cause
    : new SyncError("OUTCOME_UNKNOWN", `Cannot tell whether the target took the push${why}`, {}, { cause });
  const verdicts = judgeAll(commands, { outcome: "unknown", reason });
  return { verdicts, unpackFailed: false, error, packKept: false };
}
