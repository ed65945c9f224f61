/** Which objects a partial fetch leaves out: git-rev-list(1), `--filter`. */

import type { ObjectType } from "@gitsync/protocol";

/** An object met on the way from a commit: how deep below its root tree (which is 0), and how large. */
export interface MetObject {
  readonly type: ObjectType;
  readonly size: number;
  readonly depth: number;
}

/** True when the object belongs into the pack. */
export type ObjectFilter = (object: MetObject) => boolean;

/** Throws for a filter that this server does not know. */
export function objectFilter(spec: string): ObjectFilter {
  const [, keyword = "", value = ""] =
    /^(blob:none|blob:limit=|tree:|object:type=|combine:)(.*)$/.exec(spec) ?? [];
  switch (keyword) {
    case "blob:none":
      return ({ type }) => type !== "blob";
    case "blob:limit=": {
      const limit = parseSize(value);
      return ({ type, size }) => type !== "blob" || size < limit;
    }
    case "tree:": {
      const limit = Number(value);
      return ({ type, depth }) => (type !== "tree" && type !== "blob") || depth < limit;
    }
    case "object:type=":
      return ({ type }) => type === value;
    case "combine:": {
      const filters = value.split("+").map((part) => objectFilter(decodeURIComponent(part)));
      return (object) => filters.every((filter) => filter(object));
    }
    default:
      throw new Error(`filter '${spec}' not supported`);
  }
}

function parseSize(text: string): number {
  const [, digits = "", suffix = ""] = /^(\d+)([kmg]?)$/i.exec(text) ?? [];
  return Number(digits) * 1024 ** ["", "k", "m", "g"].indexOf(suffix.toLowerCase());
}
