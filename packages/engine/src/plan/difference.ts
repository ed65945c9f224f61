/**
 * What lies between the refs that a target should hold and those that it lists. Pure.
 *
 * Two long listings are walked side by side by their bytes: only for refs that differ strings and objects are made.
 */

import type { ObjectId, RefName, RefTable } from "@gitsync/protocol";
import type { ResolvedPolicy } from "../request.ts";
import { ancestryKey, type AncestryPair } from "./ancestry-facts.ts";
import type { DesiredRef, DesiredRefs } from "./desired.ts";
import { refKind } from "./ref-kind.ts";

/** A desired ref that the target lacks (`oldId` is `undefined`) or has elsewhere. */
export interface ChangedRef extends DesiredRef {
  readonly oldId: ObjectId | undefined;
}

/** Desired refs that the target has as they should be; the objects are made while going through them. */
export interface CurrentRefs extends Iterable<DesiredRef> {
  readonly size: number;
}

export interface RefDifference {
  readonly changed: readonly ChangedRef[];
  readonly current: CurrentRefs;
  /** What the target lists: each name once, in order. */
  readonly target: RefTable;
  /** Whether the name of a row of `target` is one that the target should have. */
  readonly isDesired: (row: number) => boolean;
}

/** What became of a row of the target. */
const NOT_DESIRED = 0;
const DESIRED = 1;
/** Desired and as it should be, and of the same name at the source: its object is made from this row. */
const CURRENT = 2;

/** `target` lists each name once, in order. */
export function differenceOf(desired: DesiredRefs, target: RefTable): RefDifference {
  const { source, keeps, renamed } = desired;
  const rows = new Uint8Array(target.size);
  const changed: ChangedRef[] = [];
  const renamedCurrent: DesiredRef[] = [];
  let current = 0;
  for (const ref of renamed.values()) {
    const row = target.rowOf(ref.target);
    const oldId = row < 0 ? undefined : target.id(row);
    if (oldId === ref.id) renamedCurrent.push(ref);
    else changed.push({ ...ref, oldId });
    if (row >= 0) rows[row] = DESIRED;
  }
  let behind = 0;
  for (let row = 0; row < source.size; row += 1) {
    if (keeps[row] !== 1) continue;
    const found = target.rowLike(source, row, behind);
    if (found >= 0) behind = found + 1;
    if (found >= 0 && target.equalId(found, source, row)) {
      rows[found] = CURRENT;
      current += 1;
      continue;
    }
    if (found >= 0) rows[found] = DESIRED;
    const name = source.name(row);
    const oldId = found < 0 ? undefined : target.id(found);
    changed.push({ source: name, target: name, id: source.id(row), oldId });
  }
  return {
    changed,
    target,
    isDesired: (row) => rows[row] !== NOT_DESIRED,
    current: {
      size: renamedCurrent.length + current,
      *[Symbol.iterator]() {
        yield* renamedCurrent;
        for (let row = 0; row < rows.length; row += 1) {
          if (rows[row] !== CURRENT) continue;
          const name: RefName = target.name(row);
          yield { source: name, target: name, id: target.id(row) };
        }
      },
    },
  };
}

/**
 * The moves whose direction matters for the plan. Tags have none: a tag that points elsewhere has moved.
 * Replicate overwrites either way, so it asks only where losing commits has to be known.
 */
export function ancestryQuestions(
  changed: readonly ChangedRef[],
  policy: ResolvedPolicy,
): readonly AncestryPair[] {
  if (policy.mode === "replicate" && policy.destructive === "allow") return [];
  const pairs = new Map<string, AncestryPair>();
  for (const { target, oldId, id: newId } of changed) {
    if (oldId === undefined || refKind(target) === "tag") continue;
    pairs.set(ancestryKey({ oldId, newId }), { oldId, newId });
  }
  return [...pairs.values()];
}
