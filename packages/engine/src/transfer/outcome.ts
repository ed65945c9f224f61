/**
 * What became of each ref of a push. Pure.
 *
 * A full `ok` report is believed; after any doubt the target's own listing decides, never a text.
 */

import type { ObjectId, RefName } from "@gitsync/protocol";
import type { PlannedChange } from "../plan/plan.ts";
import type { PushAnswer } from "../remote/remote.ts";
import { refusalOf } from "./refusal.ts";

export type RefVerdict =
  | { readonly outcome: "applied" }
  | { readonly outcome: "refused"; readonly code: string; readonly reason: string }
  | { readonly outcome: "lease-lost" }
  | { readonly outcome: "unknown"; readonly reason: string }
  | { readonly outcome: "not-attempted"; readonly reason: string };

/** Verdicts by target ref. */
export type Verdicts = Map<RefName, RefVerdict>;

/** Where a change leaves its ref; `undefined` for a delete. */
export function desiredId(change: PlannedChange): ObjectId | undefined {
  return change.action === "delete" ? undefined : change.newId;
}

/** Where a change expects to find its ref; `undefined` for a create. */
export function leasedId(change: PlannedChange): ObjectId | undefined {
  return change.action === "create" ? undefined : change.oldId;
}

/** The target's words about a ref: its `ng` reason, or why the whole pack was not taken. */
export function wordsAbout(ref: RefName, answer: PushAnswer): string | undefined {
  if (answer === undefined) return undefined;
  const status = answer.commands.find((command) => command.ref === ref);
  if (status?.type === "ng")
    return answer.unpack.ok ? status.reason : `${status.reason}: ${answer.unpack.error}`;
  if (!answer.unpack.ok) return answer.unpack.error;
  return status === undefined ? "the target did not report on it" : undefined;
}

/** Whether the report alone proves that every change was made. */
export function reportsAllApplied(changes: readonly PlannedChange[], answer: PushAnswer): boolean {
  if (answer === undefined || !answer.unpack.ok) return false;
  const applied = new Set(
    answer.commands.filter((command) => command.type === "ok").map((command) => command.ref),
  );
  return changes.every((change) => applied.has(change.targetRef));
}

/**
 * Judge every change by where its ref is now.
 *
 * `words` gives the target's text for a ref that stayed, from which a refusal's code is picked.
 */
export function judgeByListing(
  changes: readonly PlannedChange[],
  listed: ReadonlyMap<RefName, ObjectId>,
  words: (ref: RefName) => string | undefined,
): Verdicts {
  return new Map(
    changes.map((change): [RefName, RefVerdict] => {
      const now = listed.get(change.targetRef);
      if (now === desiredId(change)) return [change.targetRef, { outcome: "applied" }];
      if (now !== leasedId(change)) return [change.targetRef, { outcome: "lease-lost" }];
      const reason = words(change.targetRef) ?? "the target left it as it was";
      return [change.targetRef, { outcome: "refused", code: refusalOf(reason).code, reason }];
    }),
  );
}
