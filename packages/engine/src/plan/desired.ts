/** What the target should hold: the source's refs under the names that the scope gives them. Pure. */

import { compareRefNames, type ObjectId, type RefName, type RefTable } from "@gitsync/protocol";
import type { ResolvedScope } from "./scope.ts";

export interface DesiredRef {
  readonly source: RefName;
  readonly target: RefName;
  readonly id: ObjectId;
}

/** All desired refs. Those that keep their names are rows of the source's table, and only the others are objects. */
export interface DesiredRefs {
  readonly source: RefTable;
  /** For each row of `source`: 1 when the target should hold it under the same name, else 0. */
  readonly keeps: Uint8Array;
  /** Those that were mapped or renamed, by target name. */
  readonly renamed: ReadonlyMap<RefName, DesiredRef>;
  readonly size: number;
}

export type DesiredOutcome =
  | { readonly ok: true; readonly desired: DesiredRefs }
  | { readonly ok: false; readonly reason: "missing"; readonly source: RefName }
  | {
      readonly ok: false;
      readonly reason: "duplicate";
      readonly sources: readonly RefName[];
      readonly target: RefName;
    };

/** `source` lists each name once, in order. */
export function desiredRefs(scope: ResolvedScope, source: RefTable): DesiredOutcome {
  const [first] = scope.branches;
  if (first !== undefined && scope.branches.every((name) => !source.has(name))) {
    return { ok: false, reason: "missing", source: first };
  }
  const renamed = new Map<RefName, DesiredRef>();
  for (const mapping of scope.mappings) {
    const id = source.get(mapping.source);
    if (id === undefined) return { ok: false, reason: "missing", source: mapping.source };
    renamed.set(mapping.target, { ...mapping, id });
  }
  const keeps = new Uint8Array(source.size);
  let size = renamed.size;
  let row = -1;
  for (const name of source.names()) {
    row += 1;
    const target = scope.targetOf(name);
    if (target === undefined) continue;
    size += 1;
    if (target === name) {
      keeps[row] = 1;
      continue;
    }
    const other = renamed.get(target);
    if (other) return { ok: false, reason: "duplicate", sources: [other.source, name], target };
    // Not `name` itself: it is cut from a long string, which it would keep in memory.
    renamed.set(target, { source: source.name(row), target, id: source.id(row) });
  }
  for (const { source: name, target } of renamed.values()) {
    const taken = source.rowOf(target);
    if (taken === -1 || keeps[taken] !== 1) continue;
    return { ok: false, reason: "duplicate", sources: [name, target].toSorted(compareRefNames), target };
  }
  return { ok: true, desired: { source, keeps, renamed, size } };
}

/** The first target name that a source ref gets; `undefined` for one that is not desired. */
export function targetNameOf(desired: DesiredRefs, name: RefName): RefName | undefined {
  for (const each of desired.renamed.values()) if (each.source === name) return each.target;
  const row = desired.source.rowOf(name);
  return row >= 0 && desired.keeps[row] === 1 ? name : undefined;
}
