/** Whether one commit is an ancestor of another, as proven by what a source sent. Pure. */

import type { ObjectId } from "@gitsync/protocol";

/** `unproven`: the source could not be asked, or its answer would have been too large. */
export type AncestryFact = "fast-forward" | "diverged" | "unproven";

/** One question: may a ref move from `oldId` to `newId` without losing anything? */
export interface AncestryPair {
  readonly oldId: ObjectId;
  readonly newId: ObjectId;
}

/** Answers by {@link ancestryKey}; a missing one counts as unproven. */
export type AncestryFacts = ReadonlyMap<string, AncestryFact>;

export function ancestryKey(pair: AncestryPair): string {
  return `${pair.oldId}..${pair.newId}`;
}

/** Parents by commit, as received. */
export type CommitGraph = ReadonlyMap<ObjectId, readonly ObjectId[]>;

/**
 * Whether a received commit that is reachable from `newId` has `oldId` as a parent: the proof that `oldId` is
 * an ancestor, even when the answer left out whatever the source knew to be common.
 */
export function provesFastForward(graph: CommitGraph, pair: AncestryPair): boolean {
  const seen = new Set<ObjectId>([pair.newId]);
  const open: ObjectId[] = [pair.newId];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const parent of graph.get(id) ?? []) {
      if (parent === pair.oldId) return true;
      if (seen.has(parent)) continue;
      seen.add(parent);
      open.push(parent);
    }
  }
  return false;
}
