/**
 * The order of pushes: what must be safe or out of the way first, then the refs, in requests of bounded size.
 * Pure.
 */

import {
  parseRefName,
  type ObjectId,
  type RefName,
  type RefTable,
  type RefUpdateCommand,
} from "@gitsync/protocol";
import type { PlannedChange } from "../plan/plan.ts";
import { OWN_PREFIX } from "../plan/ref-kind.ts";

/** One push request. */
export interface PushGroup {
  /** `archive` and `expire` touch only refs of our own; `clear` makes room; `refs` is what was asked for. */
  readonly purpose: "archive" | "clear" | "refs" | "expire";
  readonly changes: readonly PlannedChange[];
  readonly commands: readonly RefUpdateCommand[];
}

export interface StagesInput {
  readonly changes: readonly PlannedChange[];
  readonly maxRefUpdates: number;
  /** Names of archive refs to make, by the change that they make safe. */
  readonly archives: ReadonlyMap<PlannedChange, RefName>;
  readonly expired: ReadonlyMap<RefName, ObjectId>;
  /** The target's HEAD is not known, so a deleted branch may be it: each such delete travels alone. */
  readonly headUnknown: boolean;
}

export function pushGroups(input: StagesInput): readonly PushGroup[] {
  const { changes, maxRefUpdates, archives } = input;
  const isClearing = (change: PlannedChange): boolean => change.action === "delete" && change.clearsTheWay;
  const isRisky = (change: PlannedChange): boolean =>
    input.headUnknown && change.action === "delete" && change.kind === "branch" && !isClearing(change);
  const archiveCommands = [...archives].flatMap(([change, ref]): RefUpdateCommand[] =>
    change.action === "create" ? [] : [{ type: "create", ref, newId: change.oldId }],
  );
  const groups: PushGroup[] = [
    ...chunked(archiveCommands, maxRefUpdates).map((commands): PushGroup => ({
      purpose: "archive",
      changes: [],
      commands,
    })),
    ...groupsOf("clear", changes.filter(isClearing), maxRefUpdates),
    ...groupsOf(
      "refs",
      changes.filter((change) => !isClearing(change) && !isRisky(change)),
      maxRefUpdates,
    ),
    ...changes
      .filter(isRisky)
      .map((change): PushGroup => ({ purpose: "refs", changes: [change], commands: [commandOf(change)] })),
  ];
  const expire = [...input.expired].map(([ref, oldId]): RefUpdateCommand => ({ type: "delete", ref, oldId }));
  for (const commands of chunked(expire, maxRefUpdates))
    groups.push({ purpose: "expire", changes: [], commands });
  return groups;
}

function groupsOf(
  purpose: "clear" | "refs",
  changes: readonly PlannedChange[],
  size: number,
): readonly PushGroup[] {
  return chunked(changes, size).map((part) => ({ purpose, changes: part, commands: part.map(commandOf) }));
}

/** A planned change as receive-pack's command; its old id is the lease. */
export function commandOf(change: PlannedChange): RefUpdateCommand {
  const ref = change.targetRef;
  switch (change.action) {
    case "create":
      return { type: "create", ref, newId: change.newId };
    case "update":
      return { type: "update", ref, oldId: change.oldId, newId: change.newId };
    case "delete":
      return { type: "delete", ref, oldId: change.oldId };
  }
}

/** In pieces of at most `size`. */
export function chunked<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const chunks: T[][] = [];
  for (let from = 0; from < items.length; from += size) chunks.push(items.slice(from, from + size));
  return chunks;
}

const ARCHIVE_PREFIX = `${OWN_PREFIX}archive/`;

/** `refs/gitsync/archive/<YYYYMMDDTHHMMSSZ>/heads/main`: where the old tip of a ref is kept. */
export function archiveRef(ref: RefName, now: Date): RefName {
  const stamp = now.toISOString().replaceAll(/[-:]|\.\d+/gu, "");
  return parseRefName(`${ARCHIVE_PREFIX}${stamp}/${ref.slice("refs/".length)}`);
}

/** Archive refs whose time stamp is older than `days` before `now`. */
export function expiredArchives(
  targetRefs: RefTable,
  now: Date,
  days: number,
): ReadonlyMap<RefName, ObjectId> {
  const oldest = archiveRef(parseRefName("refs/x"), new Date(now.getTime() - days * 86_400_000));
  const limit = oldest.slice(0, oldest.lastIndexOf("/"));
  return new Map(
    [...targetRefs.under(ARCHIVE_PREFIX)]
      .filter(
        ({ name }) =>
          /^refs\/gitsync\/archive\/\d{8}T\d{6}Z\//u.test(name) && name.slice(0, limit.length) < limit,
      )
      .map(({ name, oid }) => [name, oid]),
  );
}
