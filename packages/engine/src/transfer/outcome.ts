/**
 * What became of each ref of a push. Pure.
 *
 * A full `ok` report is believed; after any doubt the target's own listing decides, never a text.
 */

import type { ObjectId, RefName, RefTable, RefUpdateCommand } from "@gitsync/protocol";
import type { PushAnswer } from "../remote/remote.ts";
import { refusalOf } from "./refusal.ts";

export type RefVerdict =
  | { readonly outcome: "applied" }
  | { readonly outcome: "refused"; readonly code: string; readonly reason: string }
  | { readonly outcome: "lease-lost" }
  | { readonly outcome: "unknown"; readonly reason: string }
  | { readonly outcome: "not-attempted"; readonly reason: string };

/** Of a ref that is not known to be where it should. */
export type OpenVerdict = Exclude<RefVerdict, { readonly outcome: "applied" }>;

/** Verdicts by target ref. */
export type Verdicts = Map<RefName, RefVerdict>;

/** Where a command leaves its ref; `undefined` for a delete. */
export function desiredId(command: RefUpdateCommand): ObjectId | undefined {
  return command.type === "delete" ? undefined : command.newId;
}

/** Where a command expects to find its ref; `undefined` for a create. */
export function leasedId(command: RefUpdateCommand): ObjectId | undefined {
  return command.type === "create" ? undefined : command.oldId;
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

/** Whether the report alone proves that every command was carried out. */
export function reportsAllApplied(commands: readonly RefUpdateCommand[], answer: PushAnswer): boolean {
  if (answer === undefined || !answer.unpack.ok) return false;
  const applied = new Set(
    answer.commands.filter((command) => command.type === "ok").map((command) => command.ref),
  );
  return commands.every((command) => applied.has(command.ref));
}

/** The same verdict for every command. */
export function judgeAll(commands: readonly RefUpdateCommand[], verdict: RefVerdict): Verdicts {
  return new Map(commands.map((command) => [command.ref, verdict]));
}

/**
 * Judge every command by where its ref is now.
 *
 * `words` gives the target's text for a ref that stayed, from which a refusal's code is picked.
 */
export function judgeByListing(
  commands: readonly RefUpdateCommand[],
  listed: Pick<RefTable, "get">,
  words: (ref: RefName) => string | undefined,
): Verdicts {
  return new Map(
    commands.map((command): [RefName, RefVerdict] => {
      const now = listed.get(command.ref);
      if (now === desiredId(command)) return [command.ref, { outcome: "applied" }];
      if (now !== leasedId(command)) return [command.ref, { outcome: "lease-lost" }];
      const reason = words(command.ref) ?? "the target left it as it was";
      return [command.ref, { outcome: "refused", code: refusalOf(reason).code, reason }];
    }),
  );
}
