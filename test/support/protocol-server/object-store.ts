/** Objects in memory, by id, and what they point to. */

import {
  hashByteLength,
  hashObject,
  type ObjectFormat,
  type ObjectId,
  objectIdFromBytes,
  type ObjectType,
  parseCommit,
  parseTag,
  type TagLinks,
} from "@gitsync/protocol";

export interface StoredObject {
  readonly type: ObjectType;
  readonly data: Uint8Array;
}

/** A commit's links, and when it was committed: seconds since 1970. */
export interface Commit {
  readonly tree: ObjectId;
  readonly parents: readonly ObjectId[];
  readonly committedAt: number;
}

export interface TreeEntry {
  readonly oid: ObjectId;
  readonly name: string;
  /** `commit` is a submodule: its objects belong to another repository. */
  readonly kind: "tree" | "blob" | "commit";
}

const TREE_MODE = "40000";
const SUBMODULE_MODE = "160000";

/** A set of objects. What was added stays. */
export class ObjectStore {
  readonly format: ObjectFormat;
  readonly #objects = new Map<ObjectId, StoredObject>();
  readonly #commits = new Map<ObjectId, Commit>();

  constructor(format: ObjectFormat) {
    this.format = format;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** Keeps `data`: do not write to it. */
  add(type: ObjectType, data: Uint8Array): ObjectId {
    const oid = hashObject(type, data, this.format);
    this.#objects.set(oid, { type, data });
    return oid;
  }

  has(oid: ObjectId): boolean {
    return this.#objects.has(oid);
  }

  get(oid: ObjectId): StoredObject | undefined {
    return this.#objects.get(oid);
  }

  entries(): Iterable<[ObjectId, StoredObject]> {
    return this.#objects.entries();
  }

  /** The object, which must be here. */
  read(oid: ObjectId, type?: ObjectType): StoredObject {
    const object = this.#objects.get(oid);
    if (object === undefined) throw new Error(`no object ${oid}`);
    if (type !== undefined && object.type !== type)
      throw new Error(`${oid} is a ${object.type}, not a ${type}`);
    return object;
  }

  commit(oid: ObjectId): Commit {
    const known = this.#commits.get(oid);
    if (known !== undefined) return known;
    const { data } = this.read(oid, "commit");
    const { tree, parents } = parseCommit(data);
    const committer = /^committer .*? (\d+) [+-]\d{4}$/m.exec(Buffer.from(data).toString("latin1"));
    const commit: Commit = { tree, parents, committedAt: Number(committer?.[1] ?? 0) };
    this.#commits.set(oid, commit);
    return commit;
  }

  tag(oid: ObjectId): TagLinks {
    return parseTag(this.read(oid, "tag").data);
  }

  /** gitformat: mode SP name NUL id, over and over. */
  tree(oid: ObjectId): TreeEntry[] {
    const data = Buffer.from(this.read(oid, "tree").data);
    const idLength = hashByteLength(this.format);
    const entries: TreeEntry[] = [];
    for (let at = 0; at < data.length;) {
      const space = data.indexOf(0x20, at);
      const nul = data.indexOf(0, space);
      if (space < 0 || nul < 0 || nul + 1 + idLength > data.length) throw new Error(`tree ${oid} is cut`);
      const mode = data.toString("latin1", at, space);
      at = nul + 1 + idLength;
      entries.push({
        oid: objectIdFromBytes(data.subarray(nul + 1, at)),
        name: data.toString("latin1", space + 1, nul),
        kind: mode === TREE_MODE ? "tree" : mode === SUBMODULE_MODE ? "commit" : "blob",
      });
    }
    return entries;
  }

  /** What a tag leads to in the end; any other object is itself. */
  peel(oid: ObjectId): ObjectId {
    let peeled = oid;
    while (this.#objects.get(peeled)?.type === "tag") peeled = this.tag(peeled).object;
    return peeled;
  }

  /** The commit that a want or a ref leads to; undefined when it leads to a tree or a blob. */
  peelToCommit(oid: ObjectId): ObjectId | undefined {
    const peeled = this.peel(oid);
    return this.#objects.get(peeled)?.type === "commit" ? peeled : undefined;
  }
}
