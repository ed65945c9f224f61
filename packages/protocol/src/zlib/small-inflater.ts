// Inflates one zlib stream whose inflated size is known (RFC 1950, RFC 1951) from one array into another, allocating
// nothing. A call into a host's zlib costs as much as inflating some hundred bytes here, and most objects are smaller.

import { adler32 } from "./adler32.ts";
import { fixedCodes, HuffmanCode } from "./huffman-code.ts";
import { INFLATE_CORRUPT, INFLATE_TRUNCATED, INFLATE_WRONG_SIZE } from "./inflate-answer.ts";

// RFC 1951, section 3.2.5: the lengths of symbols 257 and on, the distances, and how many bits are added to each.
const LENGTH_BASES: Uint16Array = /* @__PURE__ */ Uint16Array.from([
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
  227, 258,
]);
const LENGTH_EXTRA: Uint8Array = /* @__PURE__ */ Uint8Array.from([
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
]);
const DISTANCE_BASES: Uint16Array = /* @__PURE__ */ Uint16Array.from([
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
  6145, 8193, 12289, 16385, 24577,
]);
const DISTANCE_EXTRA: Uint8Array = /* @__PURE__ */ Uint8Array.from([
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
]);
/** The order in which the lengths of the code for code lengths come: section 3.2.7. */
const LENGTH_CODE_ORDER: Uint8Array = /* @__PURE__ */ Uint8Array.from([
  16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
]);

const MAX_LITERALS = 286;
const MAX_DISTANCES = 30;
const END_OF_BLOCK = 256;

/** Inflates streams one after another, with tables of its own. Not for two streams at a time. */
export class SmallInflater {
  readonly #literals: HuffmanCode = new HuffmanCode(MAX_LITERALS, 10);
  readonly #distances: HuffmanCode = new HuffmanCode(MAX_DISTANCES, 8);
  readonly #lengthCode: HuffmanCode = new HuffmanCode(19, 7);
  /** Word lengths by place: literals first, then distances; and the places that have a word. */
  readonly #lengths: Uint8Array = new Uint8Array(MAX_LITERALS + MAX_DISTANCES);
  readonly #places: Uint16Array = new Uint16Array(MAX_LITERALS + MAX_DISTANCES);

  #source: Uint8Array = new Uint8Array(0);
  /** Next byte of the source to look at, and the end of the source. */
  #next = 0;
  #end = 0;
  /** Bits looked at and not used, low bit first: up to 30 of them. */
  #hold = 0;
  #bits = 0;
  #out = 0;

  /**
   * Inflate the stream at `source[start..end]` to `target[at..at + size]`. Bytes behind the stream are ignored.
   *
   * Nothing of `target` outside that part is written, whatever the source says; inside it, anything may be after a
   * failure. Neither array is kept.
   *
   * @returns compressed bytes read, or a negative answer: {@link INFLATE_TRUNCATED}, {@link INFLATE_CORRUPT},
   * {@link INFLATE_WRONG_SIZE}.
   */
  inflate(
    source: Uint8Array,
    start: number,
    end: number,
    target: Uint8Array,
    at: number,
    size: number,
  ): number {
    if (end - start < 2) return INFLATE_TRUNCATED;
    const method = source[start] ?? 0;
    const flags = source[start + 1] ?? 0;
    // Deflate, a window of at most 32 KiB, a header that checks, no preset dictionary: RFC 1950, section 2.2.
    if ((method & 15) !== 8 || method > 0x78 || (method * 256 + flags) % 31 !== 0 || (flags & 32) !== 0) {
      return INFLATE_CORRUPT;
    }
    this.#source = source;
    this.#next = start + 2;
    this.#end = end;
    this.#hold = 0;
    this.#bits = 0;
    this.#out = at;
    const failure = this.#blocks(target, at, at + size);
    const next = this.#next - (this.#bits >> 3);
    this.#source = EMPTY;
    if (next > end) return INFLATE_TRUNCATED;
    if (failure !== 0) return failure;
    if (end - next < 4) return INFLATE_TRUNCATED;
    const expected =
      (((source[next] ?? 0) << 24) |
        ((source[next + 1] ?? 0) << 16) |
        ((source[next + 2] ?? 0) << 8) |
        (source[next + 3] ?? 0)) >>>
      0;
    if (adler32(target, at, this.#out) !== expected) return INFLATE_CORRUPT;
    return this.#out === at + size ? next + 4 - start : INFLATE_WRONG_SIZE;
  }

  /** @returns 0, or why not. Bytes beyond the end of the source count as zero here; the caller finds them used. */
  #blocks(target: Uint8Array, at: number, limit: number): number {
    for (;;) {
      if (!this.#need(3)) return INFLATE_TRUNCATED;
      const head = this.#take(3);
      let failure: number;
      if (head >> 1 === 0) {
        failure = this.#storedBlock(target, limit);
      } else if (head >> 1 === 1) {
        const { literals, distances } = fixedCodes();
        failure = this.#codedBlock(literals, distances, target, at, limit);
      } else {
        failure = head >> 1 === 2 ? this.#readCodes() : INFLATE_CORRUPT;
        if (failure === 0) failure = this.#codedBlock(this.#literals, this.#distances, target, at, limit);
      }
      if (failure !== 0 || (head & 1) === 1) return failure;
    }
  }

  /** Section 3.2.4. */
  #storedBlock(target: Uint8Array, limit: number): number {
    // Bits up to the next byte are skipped, whole bytes that were looked at are given back.
    const start = this.#next - (this.#bits >> 3) + 4;
    this.#bits = 0;
    this.#hold = 0;
    this.#next = start;
    if (start > this.#end) return INFLATE_TRUNCATED;
    const source = this.#source;
    const length = (source[start - 4] ?? 0) | ((source[start - 3] ?? 0) << 8);
    if ((length ^ 0xffff) !== ((source[start - 2] ?? 0) | ((source[start - 1] ?? 0) << 8))) {
      return INFLATE_CORRUPT;
    }
    if (length > limit - this.#out) return INFLATE_WRONG_SIZE;
    if (length > this.#end - start) return INFLATE_TRUNCATED;
    target.set(source.subarray(start, start + length), this.#out);
    this.#next += length;
    this.#out += length;
    return 0;
  }

  /** Section 3.2.7. */
  #readCodes(): number {
    if (!this.#need(14)) return INFLATE_TRUNCATED;
    const literalCount = this.#take(5) + 257;
    const distanceCount = this.#take(5) + 1;
    const lengthCount = this.#take(4) + 4;
    if (literalCount > MAX_LITERALS || distanceCount > MAX_DISTANCES) return INFLATE_CORRUPT;
    const lengths = this.#lengths;
    const places = this.#places;
    lengths.fill(0, 0, 19);
    for (let index = 0; index < lengthCount; index += 1) {
      if (!this.#need(3)) return INFLATE_TRUNCATED;
      lengths[LENGTH_CODE_ORDER[index] ?? 0] = this.#take(3);
    }
    let used = 0;
    for (let symbol = 0; symbol < 19; symbol += 1) {
      if (lengths[symbol] === 0) continue;
      places[used] = symbol;
      used += 1;
    }
    // Unlike the two codes below, this one may not leave words over.
    if (!this.#lengthCode.build(lengths, places, 0, used, 0) || !this.#lengthCode.complete)
      return INFLATE_CORRUPT;
    const total = literalCount + distanceCount;
    used = this.#readLengths(total);
    if (used < 0) return used;
    let literalsUsed = used;
    while (literalsUsed > 0 && (places[literalsUsed - 1] ?? 0) >= literalCount) literalsUsed -= 1;
    // A block without end is refused here, as in zlib.
    const sound =
      places.subarray(0, literalsUsed).includes(END_OF_BLOCK) &&
      this.#literals.build(lengths, places, 0, literalsUsed, 0) &&
      this.#distances.build(lengths, places, literalsUsed, used, literalCount);
    return sound ? 0 : INFLATE_CORRUPT;
  }

  /**
   * The lengths of both codes, as one list. Those of 0 are left out of `#places` and not written to `#lengths`: there are
   * few others.
   *
   * @returns how many places were used, or the failure.
   */
  #readLengths(total: number): number {
    const { table, rootBits } = this.#lengthCode;
    const mask = (1 << rootBits) - 1;
    const lengths = this.#lengths;
    const places = this.#places;
    const source = this.#source;
    const end = this.#end;
    let next = this.#next;
    let hold = this.#hold;
    let bits = this.#bits;
    let used = 0;
    let filled = 0;
    let previous = -1;
    while (filled < total) {
      // A word of up to 7 bits, and up to 7 more.
      while (bits < 14) {
        if (next < end) hold |= (source[next] ?? 0) << bits;
        next += 1;
        bits += 8;
      }
      const entry = table[hold & mask] ?? 0;
      hold >>= entry & 15;
      bits -= entry & 15;
      const symbol = entry >> 4;
      let repeat = 1;
      if (symbol < 16) {
        previous = symbol;
      } else {
        const width = symbol === 16 ? 2 : symbol === 17 ? 3 : 7;
        repeat = (hold & ((1 << width) - 1)) + (symbol === 18 ? 11 : 3);
        hold >>= width;
        bits -= width;
        if (symbol !== 16) previous = 0;
        // Nothing to repeat, or too often.
        if (previous < 0 || filled + repeat > total) {
          filled = -1;
          break;
        }
      }
      if (previous === 0) {
        filled += repeat;
        continue;
      }
      for (; repeat > 0; repeat -= 1) {
        lengths[filled] = previous;
        places[used] = filled;
        used += 1;
        filled += 1;
      }
    }
    this.#next = next;
    this.#hold = hold;
    this.#bits = bits;
    return filled < 0 ? INFLATE_CORRUPT : used;
  }

  /** Sections 3.2.3 and 3.2.5. All state is in locals meanwhile: this is where the time goes. */
  #codedBlock(
    literals: HuffmanCode,
    distances: HuffmanCode,
    target: Uint8Array,
    at: number,
    limit: number,
  ): number {
    const source = this.#source;
    const end = this.#end;
    const literalTable = literals.table;
    const literalMask = (1 << literals.rootBits) - 1;
    const distanceTable = distances.table;
    const distanceMask = (1 << distances.rootBits) - 1;
    let next = this.#next;
    let hold = this.#hold;
    let bits = this.#bits;
    let out = this.#out;
    let failure = 0;
    for (;;) {
      while (bits < 15) {
        if (next + 1 < end) {
          hold |= ((source[next] ?? 0) | ((source[next + 1] ?? 0) << 8)) << bits;
          next += 2;
          bits += 16;
        } else {
          // A few bytes of nothing may be looked at ahead. When more are asked for, some were used.
          if (next - end > 3) {
            failure = INFLATE_TRUNCATED;
            break;
          }
          if (next < end) hold |= (source[next] ?? 0) << bits;
          next += 1;
          bits += 8;
        }
      }
      if (failure !== 0) break;
      let entry = literalTable[hold & literalMask] ?? 0;
      if (entry === 0) entry = literals.longEntry(hold);
      if (entry === 0) {
        failure = INFLATE_CORRUPT;
        break;
      }
      hold >>= entry & 15;
      bits -= entry & 15;
      let symbol = entry >> 4;
      if (symbol < END_OF_BLOCK) {
        if (out === limit) {
          failure = INFLATE_WRONG_SIZE;
          break;
        }
        target[out] = symbol;
        out += 1;
        continue;
      }
      if (symbol === END_OF_BLOCK) break;
      symbol -= 257;
      let extra = LENGTH_EXTRA[symbol] ?? 0;
      while (bits < 20) {
        if (next < end) hold |= (source[next] ?? 0) << bits;
        next += 1;
        bits += 8;
      }
      const length = (LENGTH_BASES[symbol] ?? 0) + (hold & ((1 << extra) - 1));
      hold >>= extra;
      bits -= extra;
      entry = distanceTable[hold & distanceMask] ?? 0;
      if (entry === 0) entry = distances.longEntry(hold);
      symbol = entry >> 4;
      if (entry === 0 || symbol >= MAX_DISTANCES) {
        failure = INFLATE_CORRUPT;
        break;
      }
      hold >>= entry & 15;
      bits -= entry & 15;
      extra = DISTANCE_EXTRA[symbol] ?? 0;
      while (bits < extra) {
        if (next < end) hold |= (source[next] ?? 0) << bits;
        next += 1;
        bits += 8;
      }
      let from = out - (DISTANCE_BASES[symbol] ?? 0) - (hold & ((1 << extra) - 1));
      hold >>= extra;
      bits -= extra;
      // Symbols 286 and 287 of the fixed code stand for no length.
      if (from < at || length === 0) {
        failure = INFLATE_CORRUPT;
        break;
      }
      const stop = out + length;
      if (stop > limit) {
        failure = INFLATE_WRONG_SIZE;
        break;
      }
      for (; out < stop; out += 1) {
        target[out] = target[from] ?? 0;
        from += 1;
      }
    }
    this.#next = next;
    this.#hold = hold;
    this.#bits = bits;
    this.#out = out;
    return failure;
  }

  /** Look at enough bytes for `count` bits. False when the source ended well before. */
  #need(count: number): boolean {
    while (this.#bits < count) {
      if (this.#next < this.#end) this.#hold |= (this.#source[this.#next] ?? 0) << this.#bits;
      this.#next += 1;
      this.#bits += 8;
    }
    return this.#next - this.#end < 4;
  }

  #take(count: number): number {
    const value = this.#hold & ((1 << count) - 1);
    this.#hold >>= count;
    this.#bits -= count;
    return value;
  }
}

const EMPTY: Uint8Array = new Uint8Array(0);
