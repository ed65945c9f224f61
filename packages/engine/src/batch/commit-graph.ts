/**
 * Commits and tags by number, with their parents: what a history needs to be divided, and nothing of its content.
 *
 * Columns of numbers instead of objects and strings: some fifty bytes for a commit, so that a million of them
 * fit where a map of texts would take half a gigabyte. A number names one object for the life of the graph.
 */

import { randomBytes } from "node:crypto";
import { hashByteLength, objectIdFromBytes, type ObjectFormat, type ObjectId } from "@gitsync/protocol";

/** An object's place in a {@link CommitGraph}: from 0 up, in the order of being met. */
export type NodeIndex = number;

const FIRST_CAPACITY = 1 << 10;
const NOWHERE = -1;

export class CommitGraph {
  readonly #idBytes: number;
  readonly #ends: ReadonlySet<ObjectId>;
  #ids: Uint8Array<ArrayBuffer>;
  /** Open addressing over {@link CommitGraph.#ids}: a node, or {@link NOWHERE}. */
  #slots: Int32Array<ArrayBuffer>;
  /** Where the parents of a node begin in {@link CommitGraph.#edges}; {@link NOWHERE} until it was received. */
  #firstEdge: Int32Array<ArrayBuffer>;
  #edgeCount: Int32Array<ArrayBuffer>;
  #edges: Int32Array<ArrayBuffer>;
  /** Random factors of the hash: whoever made the ids up cannot know which of them collide. */
  readonly #factors: Int32Array;
  #edgesUsed = 0;
  #size = 0;
  #received = 0;

  /** `ends`: commits that count as having no parents, as the history ends there at whom it is for. */
  constructor(format: ObjectFormat, ends: ReadonlySet<ObjectId> = new Set()) {
    this.#ends = ends;
    this.#idBytes = hashByteLength(format);
    this.#factors = Int32Array.from({ length: this.#idBytes / 4 }, () => randomBytes(4).readInt32LE() | 1);
    this.#ids = new Uint8Array(FIRST_CAPACITY * this.#idBytes);
    this.#slots = new Int32Array(FIRST_CAPACITY * 2).fill(NOWHERE);
    this.#firstEdge = new Int32Array(FIRST_CAPACITY).fill(NOWHERE);
    this.#edgeCount = new Int32Array(FIRST_CAPACITY);
    this.#edges = new Int32Array(FIRST_CAPACITY * 2);
  }

  /** Objects that were received or named as a parent. */
  get size(): number {
    return this.#size;
  }

  /** Objects that were received, so that their parents are known. */
  get received(): number {
    return this.#received;
  }

  /** The number of an object, given to it now if it has none. */
  intern(id: ObjectId): NodeIndex {
    const bytes = Buffer.from(id, "hex");
    const slot = this.#slotOf(bytes);
    const found = this.#slots[slot] ?? NOWHERE;
    if (found !== NOWHERE) return found;
    const node = this.#size;
    if (node === this.#firstEdge.length) {
      this.#grow();
      return this.intern(id);
    }
    this.#ids.set(bytes, node * this.#idBytes);
    this.#slots[slot] = node;
    this.#size += 1;
    return node;
  }

  /** The number of an object, if it was met. */
  find(id: ObjectId): NodeIndex | undefined {
    return this.findBytes(Buffer.from(id, "hex"));
  }

  /** {@link CommitGraph.find} for an id of 20 or 32 bytes. */
  findBytes(id: Uint8Array): NodeIndex | undefined {
    const node = this.#slots[this.#slotOf(id)] ?? NOWHERE;
    return node === NOWHERE ? undefined : node;
  }

  idOf(node: NodeIndex): ObjectId {
    return objectIdFromBytes(this.#ids.subarray(node * this.#idBytes, (node + 1) * this.#idBytes));
  }

  /** Whether the object itself came, and not only its name. */
  isReceived(node: NodeIndex): boolean {
    return (this.#firstEdge[node] ?? NOWHERE) !== NOWHERE;
  }

  /** Record an object and what it is made on: a commit's parents in order, or what a tag points to. Once per object. */
  receive(id: ObjectId, parents: readonly ObjectId[]): NodeIndex {
    const node = this.intern(id);
    if (this.isReceived(node)) return node;
    const nodes = this.#ends.has(id) ? [] : parents.map((parent) => this.intern(parent));
    while (this.#edgesUsed + nodes.length > this.#edges.length) this.#edges = enlarged(this.#edges, 0);
    this.#edges.set(nodes, this.#edgesUsed);
    this.#firstEdge[node] = this.#edgesUsed;
    this.#edgeCount[node] = nodes.length;
    this.#edgesUsed += nodes.length;
    this.#received += 1;
    return node;
  }

  parentCount(node: NodeIndex): number {
    return this.#edgeCount[node] ?? 0;
  }

  /** Parent `index` of a node, from 0; the first one of a commit is the line that it continues. */
  parentOf(node: NodeIndex, index: number): NodeIndex {
    return this.#edges[(this.#firstEdge[node] ?? 0) + index] ?? NOWHERE;
  }

  #slotOf(id: Uint8Array): number {
    const mask = this.#slots.length - 1;
    let hash = 0;
    for (let word = 0; word < this.#factors.length; word += 1) {
      const at = word * 4;
      const value =
        (id[at] ?? 0) | ((id[at + 1] ?? 0) << 8) | ((id[at + 2] ?? 0) << 16) | ((id[at + 3] ?? 0) << 24);
      hash = (hash + Math.imul(value, this.#factors[word] ?? 1)) | 0;
    }
    // The high bits of the products depend on every bit of the words; the low ones do not.
    let slot = hash >>> Math.clz32(mask);
    for (;;) {
      const node = this.#slots[slot] ?? NOWHERE;
      if (node === NOWHERE || this.#isId(node, id)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #isId(node: NodeIndex, id: Uint8Array): boolean {
    const from = node * this.#idBytes;
    for (let at = 0; at < this.#idBytes; at += 1) if (this.#ids[from + at] !== id[at]) return false;
    return true;
  }

  #grow(): void {
    const ids = new Uint8Array(this.#ids.length * 2);
    ids.set(this.#ids);
    this.#ids = ids;
    this.#firstEdge = enlarged(this.#firstEdge, NOWHERE);
    this.#edgeCount = enlarged(this.#edgeCount, 0);
    this.#slots = new Int32Array(this.#slots.length * 2).fill(NOWHERE);
    for (let node = 0; node < this.#size; node += 1) {
      const id = this.#ids.subarray(node * this.#idBytes, (node + 1) * this.#idBytes);
      this.#slots[this.#slotOf(id)] = node;
    }
  }
}

function enlarged(column: Int32Array<ArrayBuffer>, fill: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(column.length * 2);
  larger.set(column);
  if (fill !== 0) larger.fill(fill, column.length);
  return larger;
}
