/** Commits and tags of a pack that later deltas may name as their base, kept in a spool file or in bounded memory. */

import { deflateSync, inflateSync } from "node:zlib";
import type { NodeIndex } from "./commit-graph.ts";
import type { SpoolFile } from "../transfer/spool.ts";

const FIRST_CAPACITY = 1 << 10;

export interface KeptObject {
  readonly type: "commit" | "tag";
  readonly data: Uint8Array;
}

/** Bytes that are added at the end and read anywhere, synchronously. */
export interface ByteStore {
  /** Where they begin; `undefined` when there is no more room. They are copied. */
  append(bytes: Uint8Array): number | undefined;
  /** May be a view that the next append makes stale. */
  read(at: number, length: number): Uint8Array;
}

const BLOCK_BYTES = 16 * 1024;

/** What {@link KeptObjects} may hold without a file: deflated in blocks, in which commits share what they have in common. */
export function memoryStore(maxBytes: number): ByteStore {
  const blocks: Uint8Array[] = [];
  const last = new Uint8Array(BLOCK_BYTES);
  let lastBytes = 0;
  let deflatedBytes = 0;
  let inflated: { readonly index: number; readonly bytes: Uint8Array } | undefined;
  const blockOf = (index: number): Uint8Array => {
    const deflated = blocks[index];
    if (deflated === undefined) return last;
    if (inflated?.index !== index) inflated = { index, bytes: inflateSync(deflated) };
    return inflated.bytes;
  };
  return {
    append: (added) => {
      if (deflatedBytes + lastBytes + added.length > maxBytes) return undefined;
      const at = blocks.length * BLOCK_BYTES + lastBytes;
      for (let from = 0; from < added.length;) {
        const part = added.subarray(from, from + BLOCK_BYTES - lastBytes);
        last.set(part, lastBytes);
        lastBytes += part.length;
        from += part.length;
        if (lastBytes < BLOCK_BYTES) break;
        // A copy: what zlib answers may be a part of something larger.
        const block = new Uint8Array(deflateSync(last, { level: 1 }));
        blocks.push(block);
        deflatedBytes += block.length;
        lastBytes = 0;
      }
      return at;
    },
    read: (at, length) => {
      const bytes = new Uint8Array(length);
      for (let read = 0; read < length;) {
        const from = (at + read) % BLOCK_BYTES;
        const block = blockOf(Math.floor((at + read) / BLOCK_BYTES));
        const part = block.subarray(from, from + length - read);
        bytes.set(part, read);
        read += part.length;
      }
      return bytes;
    },
  };
}

const WRITE_BYTES = 256 * 1024;

/** In a spool file, written in large pieces; what is not written yet is read from memory. */
export function fileStore(file: SpoolFile, maxBytes: number): ByteStore {
  const pending = Buffer.allocUnsafeSlow(WRITE_BYTES);
  let pendingBytes = 0;
  const flush = (): void => {
    file.appendSync(pending.subarray(0, pendingBytes));
    pendingBytes = 0;
  };
  return {
    append: (added) => {
      if (file.byteLength + pendingBytes + added.length > maxBytes) return undefined;
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

/** A kept object goes by its number, from 0 up. */
export class KeptObjects {
  readonly #store: ByteStore;
  #count = 0;
  #offsets = new Float64Array(FIRST_CAPACITY);
  #places = new Float64Array(FIRST_CAPACITY);
  /** Negative for a tag, so that no further column is needed. */
  #lengths = new Int32Array(FIRST_CAPACITY);
  /** One more than the number of the object that is a node; 0 for none. */
  #numbers = new Int32Array(FIRST_CAPACITY);

  constructor(store: ByteStore) {
    this.#store = store;
  }

  /** Keep a copy of the object whose entry began at `offset`; offsets ascend. False when there is no room. */
  keep(node: NodeIndex, offset: number, { type, data }: KeptObject): boolean {
    const place = this.#store.append(data);
    if (place === undefined) return false;
    if (this.#count === this.#offsets.length) this.#grow();
    this.#offsets[this.#count] = offset;
    this.#places[this.#count] = place;
    this.#lengths[this.#count] = type === "commit" ? data.length : -data.length;
    this.#count += 1;
    while (node >= this.#numbers.length) this.#numbers = enlarged(this.#numbers);
    this.#numbers[node] = this.#count;
    return true;
  }

  /** The object that is `node`, if it was kept. */
  of(node: NodeIndex): number | undefined {
    const number = this.#numbers[node] ?? 0;
    return number === 0 ? undefined : number - 1;
  }

  /** The object whose entry began at `offset`, if it was kept. */
  at(offset: number): number | undefined {
    let low = 0;
    let high = this.#count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.#offsets[middle] ?? 0;
      if (found === offset) return middle;
      if (found < offset) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  /** May be a view that the next {@link KeptObjects.keep} makes stale. */
  read(number: number): KeptObject {
    const length = this.#lengths[number] ?? 0;
    const data = this.#store.read(this.#places[number] ?? 0, Math.abs(length));
    return { type: length < 0 ? "tag" : "commit", data };
  }

  #grow(): void {
    this.#offsets = enlarged(this.#offsets);
    this.#places = enlarged(this.#places);
    this.#lengths = enlarged(this.#lengths);
  }
}

function enlarged<Column extends Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(column: Column): Column;
function enlarged(column: Float64Array | Int32Array): Float64Array | Int32Array {
  const larger =
    column instanceof Float64Array ? new Float64Array(column.length * 2) : new Int32Array(column.length * 2);
  larger.set(column);
  return larger;
}
