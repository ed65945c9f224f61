/** Short ways to write ids, names and lists of refs in tests. */

import { parseObjectId, parseRefName, RefTable, type ObjectId, type RefName } from "@gitsync/protocol";
import type { DesiredRefs } from "../plan/desired.ts";
import type { ResolvedPolicy } from "../request.ts";

/** An object id that begins with the digits of `n`. */
export function id(n: number): ObjectId {
  return parseObjectId(n.toString(16).padStart(8, "0").padEnd(40, "0"), "sha1");
}

/** A full name; a short one is a branch. */
export function ref(name: string): RefName {
  return parseRefName(name.startsWith("refs/") ? name : `refs/heads/${name}`);
}

/** `{ main: 1, "refs/tags/v1": 2 }` as a listing. */
export function refs(entries: Readonly<Record<string, number>>): ReadonlyMap<RefName, ObjectId> {
  return new Map(Object.entries(entries).map(([name, n]) => [ref(name), id(n)]));
}

/** Refs as a remote lists them. */
export function listed(refs: ReadonlyMap<RefName, ObjectId>): RefTable {
  return RefTable.from(
    "sha1",
    [...refs].map(([name, oid]) => ({ name, oid })),
  ).under("refs/");
}

/** The same names at both sides. */
export function desiredOf(entries: Readonly<Record<string, number>>): DesiredRefs {
  const source = listed(refs(entries));
  return { source, keeps: new Uint8Array(source.size).fill(1), renamed: new Map(), size: source.size };
}

/** The default policy with changes. */
export function policyOf(changes: Partial<ResolvedPolicy> = {}): ResolvedPolicy {
  return {
    mode: "sync",
    force: false,
    prune: false,
    bestEffort: false,
    atomic: false,
    protocol: "auto",
    destructive: "allow",
    maxDeletes: { count: 10, percent: 5 },
    keepArchivesDays: 90,
    verify: "report",
    ...changes,
  };
}
