// Reads the headers of commits and tags: what they point to, nothing of their prose.

import { decodeText } from "../byte-text.ts";
import { ProtocolError } from "../errors.ts";
import { isObjectId, type ObjectId } from "../object-id.ts";
import type { ObjectType } from "./entry.ts";

/** What a commit points to. */
export interface CommitLinks {
  readonly tree: ObjectId;
  /** In the order of the commit; none for a root commit. */
  readonly parents: readonly ObjectId[];
}

/** What an annotated tag points to. */
export interface TagLinks {
  readonly object: ObjectId;
  readonly type: ObjectType;
  /** The name inside the tag object, which need not be the ref's; bytes as in `RefName`. */
  readonly tag: string;
}

const TYPES: readonly ObjectType[] = ["commit", "tree", "blob", "tag"];

/**
 * Read the tree and parents of a commit: git-commit-tree(1), "Commit Information"; fsck's order of headers.
 *
 * @throws {ProtocolError} `OBJECT_INVALID`.
 */
export function parseCommit(data: Uint8Array): CommitLinks {
  const lines = headerLines(data);
  const tree = idAfter(lines[0], "tree ");
  if (tree === undefined) throw invalid("commit", data);
  const parents: ObjectId[] = [];
  for (const line of lines.slice(1)) {
    if (!line.startsWith("parent ")) break;
    const parent = idAfter(line, "parent ");
    if (parent === undefined || parent.length !== tree.length) throw invalid("commit", data);
    parents.push(parent);
  }
  return { tree, parents };
}

/**
 * Read what a tag points to: git-mktag(1).
 *
 * @throws {ProtocolError} `OBJECT_INVALID`.
 */
export function parseTag(data: Uint8Array): TagLinks {
  const [objectLine, typeLine, tagLine] = headerLines(data);
  const object = idAfter(objectLine, "object ");
  const type = TYPES.find((candidate) => typeLine === `type ${candidate}`);
  if (object === undefined || type === undefined || tagLine?.startsWith("tag ") !== true)
    throw invalid("tag", data);
  return { object, type, tag: tagLine.slice(4) };
}

function headerLines(data: Uint8Array): string[] {
  let end = 0;
  while (end < data.length && !(data[end] === 0x0a && data[end + 1] === 0x0a)) end += 1;
  return decodeText(data.subarray(0, end)).split("\n");
}

function idAfter(line: string | undefined, prefix: string): ObjectId | undefined {
  if (line?.startsWith(prefix) !== true) return undefined;
  const id = line.slice(prefix.length);
  return isObjectId(id) ? id : undefined;
}

function invalid(kind: "commit" | "tag", data: Uint8Array): ProtocolError {
  return new ProtocolError("OBJECT_INVALID", `Cannot read ${kind}: its header lines are not git's`, {
    phase: "object",
    excerpt: data.subarray(0, 64),
  });
}
