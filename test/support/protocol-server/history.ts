/** Commits and their parents, as far as a boundary lets one see. */

import type { ObjectId } from "@gitsync/protocol";
import type { ObjectStore } from "./object-store.ts";

/** History that ends at `boundary`: its commits are there, their parents are not. */
export class History {
  readonly store: ObjectStore;
  readonly #boundary: ReadonlySet<ObjectId>;

  constructor(store: ObjectStore, boundary: ReadonlySet<ObjectId>) {
    this.store = store;
    this.#boundary = boundary;
  }

  parents(commit: ObjectId): readonly ObjectId[] {
    return this.#boundary.has(commit) ? [] : this.store.commit(commit).parents;
  }

  /** The commits that `tips` lead to, themselves among them. */
  commitsFrom(tips: Iterable<ObjectId>): Set<ObjectId> {
    const found = new Set<ObjectId>();
    const stack = this.#commitsOf(tips);
    for (let oid = stack.pop(); oid !== undefined; oid = stack.pop()) {
      if (found.has(oid)) continue;
      found.add(oid);
      stack.push(...this.parents(oid));
    }
    return found;
  }

  /** True when each tip that leads to a commit has one of `targets` in its history. */
  allReach(tips: Iterable<ObjectId>, targets: ReadonlySet<ObjectId>): boolean {
    return this.#commitsOf(tips).every((tip) => this.#reaches(tip, targets));
  }

  /** Where a boundary at `depth` commits from the tips lies: the commits at that depth, and all before it. */
  cutAt(tips: Iterable<ObjectId>, depth: number): { edge: Set<ObjectId>; inside: Set<ObjectId> } {
    const inside = new Set<ObjectId>();
    const edge = new Set<ObjectId>();
    let level = new Set(this.#commitsOf(tips));
    for (let distance = 1; level.size > 0; distance += 1) {
      const next = new Set<ObjectId>();
      for (const oid of level) {
        if (inside.has(oid)) continue;
        if (distance >= depth) {
          edge.add(oid);
          continue;
        }
        inside.add(oid);
        for (const parent of this.parents(oid)) next.add(parent);
      }
      if (distance >= depth) break;
      level = next;
    }
    return { edge, inside };
  }

  #reaches(tip: ObjectId, targets: ReadonlySet<ObjectId>): boolean {
    const seen = new Set<ObjectId>();
    const stack = [tip];
    for (let oid = stack.pop(); oid !== undefined; oid = stack.pop()) {
      if (targets.has(oid)) return true;
      if (seen.has(oid)) continue;
      seen.add(oid);
      stack.push(...this.parents(oid));
    }
    return false;
  }

  #commitsOf(tips: Iterable<ObjectId>): ObjectId[] {
    return Array.from(tips, (tip) => this.store.peelToCommit(tip)).filter((oid) => oid !== undefined);
  }
}
