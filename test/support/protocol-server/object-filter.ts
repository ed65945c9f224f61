/** Which objects a partial fetch leaves out: git-rev-list(1), `--filter`. */

import type { FilterSpec, ObjectType } from "@gitsync/protocol";

/** An object met on the way from a commit: how deep below its root tree (which is 0), and how large. */
export interface MetObject {
  readonly type: ObjectType;
  readonly size: number;
  readonly depth: number;
}

/** True when the object belongs into the pack. */
export type ObjectFilter = (object: MetObject) => boolean;

/** Throws for a filter that this server does not know. */
export function objectFilter(spec: FilterSpec): ObjectFilter {
  switch (spec.type) {
    case "blob:none":
      return ({ type }) => type !== "blob";
    case "blob:limit":
      return ({ type, size }) => type !== "blob" || size < spec.bytes;
    case "tree":
      return ({ type, depth }) => (type !== "tree" && type !== "blob") || depth < spec.depth;
    case "object:type":
      return ({ type }) => type === spec.objectType;
    case "combine": {
      const filters = spec.filters.map(objectFilter);
      return (object) => filters.every((filter) => filter(object));
    }
    case "sparse:oid":
      throw new Error("filter 'sparse:oid' not supported");
  }
}
