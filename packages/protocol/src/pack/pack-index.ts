// Reads the index of a pack where it lies in memory: nothing is copied, nothing is made but what is asked for.

import { ProtocolError } from "../errors.ts";
import {
  hashByteLength,
  type ObjectFormat,
  type ObjectId,
  objectIdFromBytes,
  objectIdToBytes,
} from "../object-id.ts";
import { createHasher } from "./hasher.ts";
import { compareIds } from "./id-order.ts";
import { FAN_OUT_LENGTH, INDEX_HEADER_LENGTH, INDEX_MAGIC, LARGE_OFFSET } from "./index-layout.ts";

/** What an index says of one object. gitformat-pack(5), "Version 2 pack-*.idx files". */
export interface PackIndexEntry {
  readonly oid: ObjectId;
  /** Where its entry begins in the pack. */
  readonly offset: number;
  /** CRC-32 of the entry; version 1 has none. */
  readonly crc32: number | undefined;
}

/** Options of {@link PackIndex}. */
export interface PackIndexOptions {
  readonly format: ObjectFormat;
  /**
   * Whether the whole index is hashed and its order checked: some milliseconds for each megabyte. Without, an index that
   * was tampered with may not find what is there; it never reads out of bounds. Default: true.
   */
  readonly verify?: boolean;
}

/** The index of a pack, version 2 or 1: gitformat-pack(5), "pack-*.idx files have the following format". */
export class PackIndex {
  readonly format: ObjectFormat;
  readonly version: 1 | 2;
  /** Objects in it; one that is in the pack twice counts twice. */
  readonly objectCount: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #hashLength: 20 | 32;
  readonly #fanOutAt: number;
  /** Id `i` is at `#idsAt + i * #idStride`; an index of version 1 has the offset in front of each. */
  readonly #idsAt: number;
  readonly #idStride: number;
  readonly #offsetsAt: number;
  readonly #offsetStride: number;
  readonly #largeAt: number;
  readonly #largeCount: number;

  /**
   * @param bytes the whole file; kept, not copied.
   * @throws {ProtocolError} `PACK_INDEX_INVALID`.
   */
  constructor(bytes: Uint8Array, options: PackIndexOptions) {
    const hashLength = hashByteLength(options.format);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (bytes.length < FAN_OUT_LENGTH + 2 * hashLength) throw invalid("it is too short", bytes.length);
    this.version = view.getUint32(0) === INDEX_MAGIC ? 2 : 1;
    if (this.version === 2 && view.getUint32(4) !== 2) throw invalid("its version is neither 1 nor 2", 4);
    this.format = options.format;
    this.#bytes = bytes;
    this.#view = view;
    this.#hashLength = hashLength;
    this.#fanOutAt = this.version === 2 ? 8 : 0;
    const count = this.#fanOut(255);
    this.objectCount = count;
    this.#checkFanOut();
    const head = this.#fanOutAt + FAN_OUT_LENGTH;
    const fixed = head + count * (hashLength + (this.version === 2 ? 8 : 4)) + 2 * hashLength;
    const large = this.version === 2 ? (bytes.length - fixed) / 8 : 0;
    if (
      this.version === 1 ? bytes.length !== fixed : !Number.isInteger(large) || large < 0 || large > count
    ) {
      throw invalid(`${count} objects do not make ${bytes.length} bytes`, bytes.length);
    }
    this.#idsAt = this.version === 2 ? head : head + 4;
    this.#idStride = this.version === 2 ? hashLength : hashLength + 4;
    this.#offsetsAt = this.version === 2 ? INDEX_HEADER_LENGTH + count * (hashLength + 4) : head;
    this.#offsetStride = this.version === 2 ? 4 : hashLength + 4;
    this.#largeAt = fixed - 2 * hashLength;
    this.#largeCount = large;
    if (options.verify ?? true) this.#verify();
  }

  /** The trailer of the pack that it belongs to: a view. */
  get packChecksum(): Uint8Array {
    return this.#bytes.subarray(-2 * this.#hashLength, -this.#hashLength);
  }

  /** The id at a position, from 0; positions are in the order of ids. @throws {RangeError} for no position. */
  oidAt(position: number): ObjectId {
    const at = this.#idAt(position);
    return objectIdFromBytes(this.#bytes.subarray(at, at + this.#hashLength));
  }

  /** Where the entry of an object begins. @throws {RangeError} for no position. @throws {ProtocolError} `PACK_INDEX_INVALID`. */
  offsetAt(position: number): number {
    this.#idAt(position);
    const offset = this.#view.getUint32(this.#offsetsAt + position * this.#offsetStride);
    if (this.version === 1 || offset < LARGE_OFFSET) return offset;
    const large = offset - LARGE_OFFSET;
    const value = large < this.#largeCount ? this.#view.getBigUint64(this.#largeAt + large * 8) : -1n;
    if (value >= 0n && value <= Number.MAX_SAFE_INTEGER) return Number(value);
    throw invalid("an offset is not in its table, or too large", this.#offsetsAt + position * 4);
  }

  /** The CRC-32 of an entry; version 1 has none. @throws {RangeError} for no position. */
  crc32At(position: number): number | undefined {
    this.#idAt(position);
    if (this.version === 1) return undefined;
    return this.#view.getUint32(INDEX_HEADER_LENGTH + this.objectCount * this.#hashLength + position * 4);
  }

  /** All of it, in the order of ids. */
  *entries(): Generator<PackIndexEntry, void, undefined> {
    for (let position = 0; position < this.objectCount; position += 1) yield this.#entry(position);
  }

  /** What it says of an object; undefined when the object is not in the pack. */
  find(oid: ObjectId): PackIndexEntry | undefined {
    const id = objectIdToBytes(oid);
    if (id.length !== this.#hashLength) return undefined;
    const position = this.#lowerBound(id);
    return position < this.objectCount && this.#compare(position, id) === 0
      ? this.#entry(position)
      : undefined;
  }

  /**
   * The objects whose ids begin so, in order; an object that is in the pack twice comes once.
   *
   * @param prefix hex digits.
   * @param most ends the search. Default: 2, enough to know a prefix that stands for one object alone.
   * @throws {RangeError} for anything but 1 to 40 or 64 hex digits.
   */
  findPrefix(prefix: string, most: number = 2): readonly ObjectId[] {
    const digits = 2 * this.#hashLength;
    if (!/^[0-9a-f]+$/i.test(prefix) || prefix.length > digits) {
      throw new RangeError(`Cannot find object: a prefix has 1 to ${digits} hex digits`);
    }
    const wanted = prefix.toLowerCase();
    const found: ObjectId[] = [];
    const first = Uint8Array.from({ length: this.#hashLength }, (_, index) =>
      Number.parseInt(wanted.slice(2 * index, 2 * index + 2).padEnd(2, "0"), 16),
    );
    for (
      let position = this.#lowerBound(first);
      position < this.objectCount && found.length < most;
      position += 1
    ) {
      const oid = this.oidAt(position);
      if (!oid.startsWith(wanted)) break;
      if (found.at(-1) !== oid) found.push(oid);
    }
    return found;
  }

  #entry(position: number): PackIndexEntry {
    return { oid: this.oidAt(position), offset: this.offsetAt(position), crc32: this.crc32At(position) };
  }

  /** How many ids begin with this byte or a lower one. */
  #fanOut(byte: number): number {
    return this.#view.getUint32(this.#fanOutAt + byte * 4);
  }

  #checkFanOut(): void {
    for (let byte = 1; byte < 256; byte += 1) {
      if (this.#fanOut(byte) < this.#fanOut(byte - 1))
        throw invalid("its fan-out goes down", this.#fanOutAt + byte * 4);
    }
  }

  #idAt(position: number): number {
    if (position >= 0 && position < this.objectCount) return this.#idsAt + position * this.#idStride;
    throw new RangeError(`Cannot read pack index: it has no position ${position}`);
  }

  #compare(position: number, id: Uint8Array): number {
    return compareIds(this.#bytes, this.#idAt(position), id, 0, this.#hashLength);
  }

  /** The first position whose id is not before `id`. */
  #lowerBound(id: Uint8Array): number {
    const byte = id[0] ?? 0;
    let low = byte === 0 ? 0 : this.#fanOut(byte - 1);
    let high = this.#fanOut(byte);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(middle, id) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #verify(): void {
    const end = this.#bytes.length - this.#hashLength;
    const digest = createHasher(this.format).update(this.#bytes.subarray(0, end)).digest();
    if (compareIds(digest, 0, this.#bytes, end, this.#hashLength) !== 0) {
      throw invalid("its trailer is not the hash of its content", end);
    }
    let position = 0;
    for (let byte = 0; byte < 256; byte += 1) {
      for (const until = this.#fanOut(byte); position < until; position += 1) {
        const at = this.#idAt(position);
        const inOrder =
          position === 0 ||
          compareIds(this.#bytes, at - this.#idStride, this.#bytes, at, this.#hashLength) <= 0;
        if (this.#bytes[at] !== byte || !inOrder) throw invalid("its ids are out of order", at);
        this.offsetAt(position);
      }
    }
  }
}

function invalid(found: string, offset: number): ProtocolError {
  return new ProtocolError("PACK_INDEX_INVALID", `Cannot read pack index: ${found}`, {
    phase: "pack",
    offset,
  });
}
