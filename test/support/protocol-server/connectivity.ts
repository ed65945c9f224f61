/** Whether all that new tips lead to is there, so that no ref ever leads into nothing. */

import type { ObjectId } from "@gitsync/protocol";
import type { ObjectStore } from "./object-store.ts";

/**
 * The tips that lead to something neither here nor in quarantine. What is here already is complete, except that history
 * ends at `boundary`.
 */
export function missingLinks(
  present: ObjectStore,
  quarantine: ObjectStore,
  tips: readonly (ObjectId | undefined)[],
  boundary: ReadonlySet<ObjectId>,
): Set<ObjectId> {
  return new Set(
    tips.filter((tip) => tip !== undefined).filter((tip) => !isComplete(present, quarantine, tip, boundary)),
  );
}

function isComplete(
  present: ObjectStore,
  quarantine: ObjectStore,
  tip: ObjectId,
  boundary: ReadonlySet<ObjectId>,
): boolean {
  const seen = new Set<ObjectId>();
  const stack = [tip];
  for (let oid = stack.pop(); oid !== undefined; oid = stack.pop()) {
    if (seen.has(oid) || present.has(oid)) continue;
    if (!quarantine.has(oid)) return false;
    seen.add(oid);
    stack.push(...linksOf(quarantine, oid, boundary));
  }
  return true;
}

function linksOf(store: ObjectStore, oid: ObjectId, boundary: ReadonlySet<ObjectId>): readonly ObjectId[] {
  switch (store.read(oid).type) {
    case "commit": {
      const { tree, parents } = store.commit(oid);
      return boundary.has(oid) ? [tree] : [tree, ...parents];
    }
    case "tag":
      return [store.tag(oid).object];
    case "tree":
      return store
        .tree(oid)
        .filter(({ kind }) => kind !== "commit")
        .map((entry) => entry.oid);
    case "blob":
      return [];
  }
}
