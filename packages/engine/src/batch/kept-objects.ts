/**
 * Commits and tags of a pack that later deltas may name as their base, kept in a spool file or in bounded memory.
 *
 * They are kept deflated, as they lie in the pack, and inflated again when a delta asks, which is rare.
 */

import { inflateSync } from "node:zlib";
import type { NodeIndex } from "./commit-graph.ts";
import type { SpoolFile } from "../transfer/spool.ts";

const FIRST_CAPACITY = 1 << 10;

export interface KeptObject {
  readonly type: "commit" | "tag";
  readonly data: Uint8Array;
}

/** Bytes that are added at the end and read anywhere, synchronously. */
export interface ByteStore {
  /** Where they begin; `undefined` when there is no more room. */
  append(bytes: Uint8Array): number | undefined;
  /** May be a view that the next append makes stale. */
  read(at: number, length: number): Uint8Array;
}

/** What {@link KeptObjects} may hold without a file. */
export function memoryStore(maxBytes: number): ByteStore {
  let bytes = Buffer.allocUnsafeSlow(Math.min(maxBytes, 1 << 16));
  let used = 0;
  return {
    append: (added) => {
      if (used + added.length > maxBytes) return undefined;
      while (used + added.length > bytes.length) {
        const larger = Buffer.allocUnsafeSlow(Math.min(maxBytes, bytes.length * 2));
        bytes.copy(larger, 0, 0, used);
        bytes = larger;
      }
      bytes.set(added, used);
      used += added.length;
      return used - added.length;
    },
    read: (at, length) => bytes.subarray(at, at + length),
  };
}

const WRITE_BYTES = 256 * 1024;

/** In a spool file, written in large pieces; what is not written yet is read from memory. */
export function fileStore(file: SpoolFile): ByteStore {
  const pending = Buffer.allocUnsafeSlow(WRITE_BYTES);
  let pendingBytes = 0;
  const flush = (): void => {
    file.appendSync(pending.subarray(0, pendingBytes));
    pendingBytes = 0;
  };
  return {
    append: (added) => {
      if (pendingBytes + added.length > WRITE_BYTES) flush();
      const at = file.byteLength + pendingBytes;
      if (added.length > WRITE_BYTES) file.appendSync(added);
      else {
        pending.set(added, pendingBytes);
        pendingBytes += added.length;
      }
      return at;
    },
    read: (at, length) =>
      at >= file.byteLength
        ? pending.subarray(at - file.byteLength, at - file.byteLength + length)
        : file.readSync(at, length),
  };
}

/** Columns by entry, in the order of the pack. */
export class KeptObjects {
  readonly #store: ByteStore;
  #count = 0;
  #offsets = new Float64Array(FIRST_CAPACITY);
  #places = new Float64Array(FIRST_CAPACITY);
  #lengths = new Int32Array(FIRST_CAPACITY);
  /** Inflated; its sign tells a tag from a commit, so that no further column is needed. */
  #sizes = new Int32Array(FIRST_CAPACITY);
  /** One more than the entry that holds a node; 0 for none. */
  #entries = new Int32Array(FIRST_CAPACITY);

  constructor(store: ByteStore) {
    this.#store = store;
  }

  /** Keep the object whose entry began at `offset`; offsets ascend. False when there is no room. */
  keep(
    node: NodeIndex,
    offset: number,
    type: KeptObject["type"],
    size: number,
    deflated: Uint8Array,
  ): boolean {
    const place = this.#store.append(deflated);
    if (place === undefined) return false;
    if (this.#count === this.#offsets.length) this.#grow();
    this.#offsets[this.#count] = offset;
    this.#places[this.#count] = place;
    this.#lengths[this.#count] = deflated.length;
    this.#sizes[this.#count] = type === "commit" ? size : -size;
    this.#count += 1;
    while (node >= this.#entries.length) this.#entries = enlarged(this.#entries);
    this.#entries[node] = this.#count;
    return true;
  }

  /** The object that is `node`, if it was kept. */
  of(node: NodeIndex): KeptObject | undefined {
    const entry = this.#entries[node] ?? 0;
    return entry === 0 ? undefined : this.#read(entry - 1);
  }

  /** The object whose entry began at `offset`, if it was kept. */
  at(offset: number): KeptObject | undefined {
    let low = 0;
    let high = this.#count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.#offsets[middle] ?? 0;
      if (found === offset) return this.#read(middle);
      if (found < offset) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  #read(index: number): KeptObject {
    const size = this.#sizes[index] ?? 0;
    const deflated = this.#store.read(this.#places[index] ?? 0, this.#lengths[index] ?? 0);
    const data = inflateSync(deflated, { maxOutputLength: Math.max(1, Math.abs(size)) });
    return { type: size < 0 ? "tag" : "commit", data };
  }

  #grow(): void {
    this.#offsets = enlarged(this.#offsets);
    this.#places = enlarged(this.#places);
    this.#lengths = enlarged(this.#lengths);
    this.#sizes = enlarged(this.#sizes);
  }
}

function enlarged<Column extends Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(column: Column): Column;
function enlarged(column: Float64Array | Int32Array): Float64Array | Int32Array {
  const larger =
    column instanceof Float64Array ? new Float64Array(column.length * 2) : new Int32Array(column.length * 2);
  larger.set(column);
  return larger;
}
