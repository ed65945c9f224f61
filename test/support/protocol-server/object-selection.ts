/** Which objects a pack must hold. */

import type { ObjectId } from "@gitsync/protocol";
import type { History } from "./history.ts";
import type { ObjectFilter } from "./object-filter.ts";

/** An object for a pack. `path` is where it was met: objects at the same path make good delta pairs. */
export interface SelectedObject {
  readonly oid: ObjectId;
  readonly path: string;
}

/** All objects that `tips` lead to, by id, with the path at which each was met first. */
function objectsFrom(
  history: History,
  tips: Iterable<ObjectId>,
  passes: ObjectFilter = () => true,
): Map<ObjectId, string> {
  return new Walk(history, passes).from(tips);
}

/** What a client lacks, and what it has that may serve as delta base. */
export interface Selection {
  readonly objects: readonly SelectedObject[];
  /** An object of the client's by path. */
  readonly bases: ReadonlyMap<string, ObjectId>;
}

/** What a client lacks that has all that `common` leads to in its own view of history. Wants are in it, filter or not. */
export function selectLacking(
  wanted: { readonly history: History; readonly tips: readonly ObjectId[]; readonly filter?: ObjectFilter },
  present: { readonly history: History; readonly tips: Iterable<ObjectId> },
): Selection {
  const has = objectsFrom(present.history, present.tips);
  const lacking = Array.from(objectsFrom(wanted.history, wanted.tips, wanted.filter), ([oid, path]) => ({
    oid,
    path,
  }));
  return {
    objects: lacking.filter(({ oid }) => !has.has(oid)),
    bases: new Map(Array.from(has, ([oid, path]) => [path, oid])),
  };
}

class Walk {
  readonly #history: History;
  readonly #passes: ObjectFilter;
  readonly #selected = new Map<ObjectId, string>();
  /** The least depth at which a tree was entered: a filter may show more of it from higher up. */
  readonly #entered = new Map<ObjectId, number>();

  constructor(history: History, passes: ObjectFilter) {
    this.#history = history;
    this.#passes = passes;
  }

  from(tips: Iterable<ObjectId>): Map<ObjectId, string> {
    const { store } = this.#history;
    const commits: ObjectId[] = [];
    for (const tip of tips) {
      let oid = tip;
      for (; store.get(oid)?.type === "tag"; oid = store.tag(oid).object) this.#take(oid, "", 0, oid === tip);
      const type = store.read(oid).type;
      if (type === "commit") commits.push(oid);
      // git does not count a tree that was asked for among the depths: what is in it is as deep as a root tree.
      else this.#enter(oid, "", -1, true);
      if (oid === tip && type === "commit") this.#take(oid, "", 0, true);
    }
    for (const commit of this.#history.commitsFrom(commits)) {
      this.#take(commit, "", 0, false);
      this.#enter(store.commit(commit).tree, "", 0, false);
    }
    return this.#selected;
  }

  /** A tree and what is in it, or a blob. */
  #enter(oid: ObjectId, path: string, depth: number, isWanted: boolean): void {
    const stack = [{ oid, path, depth, isWanted }];
    const { store } = this.#history;
    for (let met = stack.pop(); met !== undefined; met = stack.pop()) {
      if ((this.#entered.get(met.oid) ?? Infinity) <= met.depth) continue;
      this.#entered.set(met.oid, met.depth);
      this.#take(met.oid, met.path, met.depth, met.isWanted);
      if (store.read(met.oid).type !== "tree") continue;
      for (const entry of store.tree(met.oid)) {
        if (entry.kind === "commit") continue;
        stack.push({
          oid: entry.oid,
          path: `${met.path}/${entry.name}`,
          depth: met.depth + 1,
          isWanted: false,
        });
      }
    }
  }

  #take(oid: ObjectId, path: string, depth: number, isWanted: boolean): void {
    if (this.#selected.has(oid)) return;
    const { type, data } = this.#history.store.read(oid);
    if (isWanted || this.#passes({ type, size: data.length, depth })) this.#selected.set(oid, path);
  }
}
