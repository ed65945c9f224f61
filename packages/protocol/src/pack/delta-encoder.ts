// Makes deltas: finds in one object what another holds already. Greedy, by hashes of blocks; bounded in time whatever the
// objects are.

import { writeSize } from "./varint.ts";

/** Bytes of a block of the base that is looked up. Shorter matches hardly pay for their copy. */
const BLOCK_BYTES = 16;
/** Blocks with the same hash that are tried. A base of one byte over and over has no others. */
const MOST_TRIED = 32;
/** From this length on, a match is good enough to try no other. */
const GOOD_MATCH = 4096;
/** Bytes of one copy: gitformat-pack(5) has a size of 0 for it, and readers of any age know it. */
const MOST_COPIED = 0x1_0000;
/** Bytes of one insert. */
const MOST_INSERTED = 127;
const MULTIPLIER = 0x0100_0193;
/** `MULTIPLIER ** BLOCK_BYTES`: what a byte counts for when it leaves the block. */
const LEAVING: number = power(MULTIPLIER, BLOCK_BYTES);
const NONE = -1;

/**
 * An object that deltas are made against, its blocks in a table. Some bytes of memory for each byte of it.
 * gitformat-pack(5), "Deltified representation".
 */
export class DeltaBase {
  readonly #bytes: Uint8Array;
  /** The last block with each hash, and for each block the one before it with the same hash. */
  readonly #heads: Int32Array;
  readonly #before: Int32Array;
  readonly #shift: number;

  /** @param bytes kept, not copied. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    const blocks = Math.floor(bytes.length / BLOCK_BYTES);
    const bits = Math.min(20, Math.max(4, Math.ceil(Math.log2(blocks + 1))));
    this.#shift = 32 - bits;
    this.#heads = new Int32Array(2 ** bits).fill(NONE);
    this.#before = new Int32Array(blocks);
    // From the back, so that the first of equal blocks is the first to be tried.
    for (let block = blocks - 1; block >= 0; block -= 1) {
      const slot = this.#slotOf(hashBlock(bytes, block * BLOCK_BYTES));
      this.#before[block] = this.#heads[slot] ?? NONE;
      this.#heads[slot] = block;
    }
  }

  /**
   * The delta that makes `target` of the base: gitformat-pack(5), "Deltified representation". A new array.
   *
   * @param mostBytes ends the search when the delta would be longer: it does not pay then.
   * @returns undefined when it would.
   */
  encode(target: Uint8Array, mostBytes: number = Infinity): Uint8Array | undefined {
    const delta = new DeltaBytes(this.#bytes.length, target);
    const last = target.length - BLOCK_BYTES;
    let hash = last < 0 ? 0 : hashBlock(target, 0);
    let inserted = 0;
    let at = 0;
    while (at <= last) {
      const match = this.#longestMatch(hash, target, at, inserted);
      if (match === undefined) {
        hash = roll(hash, target[at] ?? 0, target[at + BLOCK_BYTES] ?? 0);
        at += 1;
        continue;
      }
      delta.insert(inserted, match.targetStart);
      delta.copy(match.baseStart, match.length);
      if (delta.length > mostBytes) return undefined;
      at = match.targetStart + match.length;
      inserted = at;
      if (at <= last) hash = hashBlock(target, at);
    }
    delta.insert(inserted, target.length);
    return delta.length > mostBytes ? undefined : delta.take();
  }

  /** The longest of the matches tried, extended to the front as far as nothing was copied yet. */
  #longestMatch(hash: number, target: Uint8Array, at: number, inserted: number): Match | undefined {
    const base = this.#bytes;
    let found: Match | undefined;
    let block = this.#heads[this.#slotOf(hash)] ?? NONE;
    for (let tried = 0; block !== NONE && tried < MOST_TRIED; tried += 1) {
      const start = block * BLOCK_BYTES;
      block = this.#before[block] ?? NONE;
      let length = 0;
      const most = Math.min(base.length - start, target.length - at);
      while (length < most && base[start + length] === target[at + length]) length += 1;
      if (length < BLOCK_BYTES) continue;
      let back = 0;
      while (back < start && at - back > inserted && base[start - back - 1] === target[at - back - 1])
        back += 1;
      if (found !== undefined && length + back <= found.length) continue;
      found = { baseStart: start - back, targetStart: at - back, length: length + back };
      if (found.length >= GOOD_MATCH) break;
    }
    return found;
  }

  #slotOf(hash: number): number {
    // The high bits depend on every byte of the block.
    return Math.imul(hash, 0x9e37_79b1) >>> this.#shift;
  }
}

/**
 * A delta that makes `target` of `base`: gitformat-pack(5), "Deltified representation". A new array.
 *
 * For several targets of one base, see {@link DeltaBase}.
 */
export function encodeDelta(base: Uint8Array, target: Uint8Array): Uint8Array {
  return new DeltaBase(base).encode(target) ?? new Uint8Array(0);
}

interface Match {
  readonly baseStart: number;
  readonly targetStart: number;
  readonly length: number;
}

/** The bytes of a delta while it grows. */
class DeltaBytes {
  readonly #target: Uint8Array;
  #bytes: Uint8Array;
  length = 0;

  constructor(baseSize: number, target: Uint8Array) {
    this.#target = target;
    const sizes: number[] = [];
    writeSize(baseSize, sizes);
    writeSize(target.length, sizes);
    this.#bytes = new Uint8Array(Math.max(64, sizes.length + Math.ceil(target.length / 8)));
    this.#bytes.set(sizes);
    this.length = sizes.length;
  }

  /** Insert `target[start..end]`. */
  insert(start: number, end: number): void {
    for (let at = start; at < end; at += MOST_INSERTED) {
      const size = Math.min(MOST_INSERTED, end - at);
      this.#reserve(size + 1);
      this.#bytes[this.length] = size;
      this.#bytes.set(this.#target.subarray(at, at + size), this.length + 1);
      this.length += size + 1;
    }
  }

  /** Copy `length` bytes of the base from `start` on. */
  copy(start: number, length: number): void {
    for (let done = 0; done < length; done += MOST_COPIED)
      this.#copyOnce(start + done, Math.min(MOST_COPIED, length - done));
  }

  take(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  /** Bytes of zero are left out, and a size of 64 KiB is: none of its bytes. */
  #copyOnce(offset: number, size: number): void {
    this.#reserve(8);
    const head = this.length;
    let instruction = 0x80;
    let end = head + 1;
    for (let bit = 0; bit < 4; bit += 1) {
      const byte = (offset >>> (8 * bit)) & 0xff;
      if (byte === 0) continue;
      instruction |= 1 << bit;
      this.#bytes[end] = byte;
      end += 1;
    }
    for (let bit = 0; bit < 2; bit += 1) {
      const byte = (size >>> (8 * bit)) & 0xff;
      if (byte === 0) continue;
      instruction |= 0x10 << bit;
      this.#bytes[end] = byte;
      end += 1;
    }
    this.#bytes[head] = instruction;
    this.length = end;
  }

  #reserve(more: number): void {
    if (this.length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.length + more));
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
  }
}

function hashBlock(bytes: Uint8Array, start: number): number {
  let hash = 0;
  for (let at = start; at < start + BLOCK_BYTES; at += 1)
    hash = (Math.imul(hash, MULTIPLIER) + (bytes[at] ?? 0)) | 0;
  return hash;
}

/** The hash of the block one byte further. */
function roll(hash: number, leaving: number, entering: number): number {
  return (Math.imul(hash, MULTIPLIER) + entering - Math.imul(LEAVING, leaving)) | 0;
}

function power(base: number, exponent: number): number {
  let result = 1;
  for (let times = 0; times < exponent; times += 1) result = Math.imul(result, base);
  return result;
}
