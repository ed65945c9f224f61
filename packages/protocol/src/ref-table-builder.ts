// Fills the columns of a table, ref by ref, from bytes of the wire. Makes no string and no object for a ref.

import { beginsWith } from "./byte-text.ts";
import { readHex, wordsOf } from "./hex.ts";
import { hashByteLength, type ObjectFormat, type ObjectId, objectIdFromBytes } from "./object-id.ts";
import { type RefColumns, type RefSegment, SEGMENT_ROWS } from "./ref-columns.ts";
import { isHeadName, isValidRefNameBytes, type RefName } from "./ref-name.ts";

/**
 * Appends rows: {@link readId} or {@link copyId} first, then {@link add}, which may be left out.
 *
 * Names are compared with the name before: what they share needs no second check, and tells whether the list is sorted.
 */
export class RefTableBuilder {
  readonly objectFormat: ObjectFormat;
  readonly #width: 20 | 32;
  readonly #segments: RefSegment[] = [];
  readonly #symrefTargets = new Map<number, RefName>();
  /** The segment that is being filled, in arrays that are larger and used again. One id more than rows: the next one. */
  #ids: Uint8Array;
  #idWords: DataView;
  #names: Uint8Array = new Uint8Array(1024);
  #nameWords: DataView = wordsOf(this.#names);
  #nameEnds: Uint32Array = new Uint32Array(32);
  #rows = 0;
  #namesLength = 0;
  #peeledRows: number[] = [];
  #peeledIds: Uint8Array = new Uint8Array(0);
  /** Where the name of the last row begins; it ends where the names do. */
  #lastStart = 0;
  #nameEnd = 0;
  #source: Uint8Array = this.#names;
  #sourceWords: DataView = this.#nameWords;
  #isSorted = true;
  #headRow = -1;

  constructor(objectFormat: ObjectFormat) {
    this.objectFormat = objectFormat;
    this.#width = hashByteLength(objectFormat);
    this.#ids = new Uint8Array((this.#nameEnds.length + 1) * this.#width);
    this.#idWords = wordsOf(this.#ids);
  }

  /** The id that {@link readId} or {@link copyId} took. */
  get id(): ObjectId {
    const start = this.#rows * this.#width;
    return objectIdFromBytes(this.#ids.subarray(start, start + this.#width));
  }

  /** Rows so far. */
  get length(): number {
    return this.#segments.length * SEGMENT_ROWS + this.#rows;
  }

  /** Where the name that {@link add} saw last ended in its source, added or not. */
  get nameEnd(): number {
    return this.#nameEnd;
  }

  /** Take the id of the next row from the hex digits at `start`. @returns false when they are not hex. */
  readId(source: Uint8Array, start: number): boolean {
    return readHex(this.#wordsOf(source), start, this.#idWords, this.#rows * this.#width, this.#width);
  }

  /** Take the id of the next row from a hash. */
  copyId(hash: Uint8Array): void {
    this.#ids.set(hash, this.#rows * this.#width);
  }

  /**
   * Add a row with the id taken before. Its name is `source[start..limit]`, or ends at the first `terminator` in there.
   *
   * @returns false when git check-ref-format refuses the name and it is not `HEAD`: then nothing was added.
   */
  add(source: Uint8Array, start: number, limit: number, terminator: number): boolean {
    this.#reserve(limit - start);
    const names = this.#names;
    const lastEnd = this.#namesLength;
    let at = this.#lastStart;
    let from = start;
    let to = lastEnd;
    // In a sorted list most of a name is that of the name before: four bytes at a time, then one.
    const source32 = this.#wordsOf(source);
    const names32 = this.#nameWords;
    while (from + 4 <= limit && at + 4 <= lastEnd) {
      const word = source32.getInt32(from);
      if (word !== names32.getInt32(at)) break;
      names32.setInt32(to, word);
      from += 4;
      at += 4;
      to += 4;
    }
    while (from < limit && at < lastEnd && source[from] === names[at]) {
      names[to] = names[at] ?? 0;
      from += 1;
      at += 1;
      to += 1;
    }
    // What is shared is part of a name that was taken, so no terminator is in it.
    let end = from;
    while (end < limit && source[end] !== terminator) end += 1;
    this.#nameEnd = end;
    const isHead = isHeadName(source, start, end);
    if (!isHead && !isValidRefNameBytes(source, start, end, false, from)) return false;
    const ascends = end > from && (at === lastEnd || (source[from] ?? 0) > (names[at] ?? 0));
    for (; from < end; from += 1, to += 1) names[to] = source[from] ?? 0;
    this.#commit(to, ascends, isHead);
    return true;
  }

  /** True when the last row is named `source[start..end]`. */
  isLastName(source: Uint8Array, start: number, end: number): boolean {
    const last = this.#names.subarray(this.#lastStart, this.#namesLength);
    return this.length > 0 && last.length === end - start && beginsWith(source, start, end, last);
  }

  /** Let the last row peel to the id that {@link readId} or {@link copyId} took. There is a row. */
  peelLast(): void {
    const slot = this.#peelSlot();
    const start = this.#rows * this.#width;
    this.#peeledIds.set(this.#ids.subarray(start, start + this.#width), slot);
  }

  /** Let the last row peel to the id at `start`. There is a row. @returns false when the digits are not hex. */
  readPeeled(source: Uint8Array, start: number): boolean {
    const slot = this.#peelSlot();
    return readHex(this.#wordsOf(source), start, wordsOf(this.#peeledIds), slot, this.#width);
  }

  /** Let a row be a symbolic ref. */
  pointTo(row: number, target: RefName): void {
    this.#symrefTargets.set(row, target);
  }

  /** The columns. Nothing may be added afterwards. */
  finish(): RefColumns {
    const length = this.length;
    if (this.#rows > 0) this.#seal();
    this.#wordsOf(this.#names);
    return {
      objectFormat: this.objectFormat,
      segments: this.#segments,
      length,
      headRow: this.#headRow,
      isSorted: this.#isSorted,
      symrefTargets: this.#symrefTargets,
    };
  }

  /** Make the bytes behind the last name, up to `end`, the name of a new row. */
  #commit(end: number, ascends: boolean, isHead: boolean): void {
    const row = this.length;
    if (isHead && this.#headRow < 0) this.#headRow = row;
    if (row > 0 && (isHead || (!ascends && !(row === 1 && this.#headRow === 0)))) this.#isSorted = false;
    if (this.#rows === SEGMENT_ROWS) end = this.#turnOver(end);
    this.#nameEnds[this.#rows] = end;
    this.#lastStart = this.#namesLength;
    this.#namesLength = end;
    this.#rows += 1;
  }

  /** Begin a segment with the id and the name that lie behind the full one. @returns where the name ends now. */
  #turnOver(end: number): number {
    const [rows, namesLength] = [this.#rows, this.#namesLength];
    this.#seal();
    this.#ids.copyWithin(0, rows * this.#width, (rows + 1) * this.#width);
    this.#names.copyWithin(0, namesLength, end);
    return end - namesLength;
  }

  /** Make room for one more row, its name of at most `nameLength` bytes, and the id after it. */
  #reserve(nameLength: number): void {
    if (this.#rows === this.#nameEnds.length && this.#rows < SEGMENT_ROWS) {
      const rows = Math.min(SEGMENT_ROWS, this.#rows * 4);
      this.#nameEnds = grown(this.#nameEnds, new Uint32Array(rows));
      this.#ids = grown(this.#ids, new Uint8Array((rows + 1) * this.#width));
      this.#idWords = wordsOf(this.#ids);
    }
    const needed = this.#namesLength + nameLength;
    if (needed <= this.#names.length) return;
    this.#names = grown(this.#names, new Uint8Array(Math.max(needed, 2 * this.#names.length)));
    this.#nameWords = wordsOf(this.#names);
  }

  /** Where in the peeled ids that of the last row goes. Makes room for it, so the array may be another afterwards. */
  #peelSlot(): number {
    const row = this.#rows - 1;
    if (this.#peeledRows.at(-1) !== row) this.#peeledRows.push(row);
    const end = this.#peeledRows.length * this.#width;
    if (end > this.#peeledIds.length) this.#peeledIds = grown(this.#peeledIds, new Uint8Array(2 * end));
    return end - this.#width;
  }

  #wordsOf(source: Uint8Array): DataView {
    if (source !== this.#source) {
      this.#source = source;
      this.#sourceWords = wordsOf(source);
    }
    return this.#sourceWords;
  }

  #seal(): void {
    const peeled = this.#peeledRows.length;
    this.#segments.push({
      ids: this.#ids.slice(0, this.#rows * this.#width),
      names: this.#names.slice(0, this.#namesLength),
      nameEnds: this.#nameEnds.slice(0, this.#rows),
      peeledRows: Uint16Array.from(this.#peeledRows),
      peeledIds: this.#peeledIds.slice(0, peeled * this.#width),
    });
    this.#rows = 0;
    this.#namesLength = 0;
    this.#peeledRows = [];
  }
}

function grown<Column extends Uint8Array | Uint32Array>(small: Column, large: Column): Column {
  large.set(small);
  return large;
}
