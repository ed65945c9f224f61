// Where a table keeps its refs: columns of bytes, a segment for every 4096 rows. The layout and how to read it; no
// rule of git is here.

import { accelerators } from "./accelerators.ts";
import { decodeText } from "./byte-text.ts";
import { hashByteLength, type ObjectFormat, type ObjectId } from "./object-id.ts";
import type { RefName } from "./ref-name.ts";

const SHIFT = 12;
/** Small enough that a string of a whole segment may be made to slice it, and kept for one slice of it. */
export const SEGMENT_ROWS: number = 1 << SHIFT;
const ROW_MASK = SEGMENT_ROWS - 1;

/** A run of rows. Every segment but the last has {@link SEGMENT_ROWS}. */
export interface RefSegment {
  /** 20 or 32 bytes for each row. */
  readonly ids: Uint8Array;
  /** The names, one behind the other. */
  readonly names: Uint8Array;
  /** Where each name ends in `names`. */
  readonly nameEnds: Uint32Array;
  /** Rows that peel to another object, ascending; most have none. */
  readonly peeledRows: Uint16Array;
  /** What they peel to, 20 or 32 bytes each. */
  readonly peeledIds: Uint8Array;
}

/** All rows of a table, in the order of the wire. */
export interface RefColumns {
  readonly objectFormat: ObjectFormat;
  readonly segments: readonly RefSegment[];
  readonly length: number;
  /** The first row named `HEAD`, or -1. */
  readonly headRow: number;
  /** Names ascend strictly by their bytes; a `HEAD` may only be in row 0, and does not count. */
  readonly isSorted: boolean;
  /** By row. */
  readonly symrefTargets: ReadonlyMap<number, RefName>;
}

/** The name of a row: a view. */
export function nameBytes(columns: RefColumns, row: number): Uint8Array {
  const segment = segmentOf(columns, row);
  const index = row & ROW_MASK;
  return segment.names.subarray(nameStart(segment, index), segment.nameEnds[index]);
}

/** The hash of a row: a view. */
export function idBytes(columns: RefColumns, row: number): Uint8Array {
  return hashAt(columns, segmentOf(columns, row).ids, row & ROW_MASK);
}

/** The hash that a row peels to, if one is known: a view. */
export function peeledBytes(columns: RefColumns, row: number): Uint8Array | undefined {
  const { peeledRows, peeledIds } = segmentOf(columns, row);
  const wanted = row & ROW_MASK;
  const found = partitionPoint(0, peeledRows.length, (index) => (peeledRows[index] ?? 0) < wanted);
  return peeledRows[found] === wanted ? hashAt(columns, peeledIds, found) : undefined;
}

/** Order of the names of two rows by their bytes: negative, zero or positive. */
export function compareNames(left: RefColumns, row: number, right: RefColumns, other: number): number {
  const segment = segmentOf(right, other);
  const index = other & ROW_MASK;
  const end = segment.nameEnds[index] ?? 0;
  return compareName(left, row, segment.names, nameStart(segment, index), end);
}

/** Order of the name of a row and `bytes[start..end]`: negative, zero or positive. */
export function compareName(
  columns: RefColumns,
  row: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const { names, nameEnds } = segmentOf(columns, row);
  const index = row & ROW_MASK;
  const nameEnd = nameEnds[index] ?? 0;
  let at = index === 0 ? 0 : (nameEnds[index - 1] ?? 0);
  let from = start;
  while (at < nameEnd && from < end) {
    const difference = (names[at] ?? 0) - (bytes[from] ?? 0);
    if (difference !== 0) return difference;
    at += 1;
    from += 1;
  }
  return nameEnd - at - (end - from);
}

/** Whether two rows of tables of one format name the same object. */
export function equalIds(left: RefColumns, row: number, right: RefColumns, other: number): boolean {
  const width = hashByteLength(left.objectFormat);
  const { ids } = segmentOf(left, row);
  const { ids: otherIds } = segmentOf(right, other);
  const start = (row & ROW_MASK) * width;
  const otherStart = (other & ROW_MASK) * width;
  for (let index = 0; index < width; index += 1) {
    if (ids[start + index] !== otherIds[otherStart + index]) return false;
  }
  return true;
}

/** The names of rows `start..end` as strings: one decode for many, then slices, which V8 makes without copying. */
export function* namesOf(
  columns: RefColumns,
  start: number,
  end: number,
): Generator<RefName, void, undefined> {
  for (const [segment, first, last] of segmentsOf(columns, start, end)) {
    const from = nameStart(segment, first);
    const bytes = segment.names.subarray(from, segment.nameEnds[last - 1]);
    const text = accelerators.asciiText(bytes);
    let at = 0;
    for (let row = first; row < last; row += 1) {
      const nameEnd = (segment.nameEnds[row] ?? 0) - from;
      yield (text?.slice(at, nameEnd) ?? decodeText(bytes.subarray(at, nameEnd))) as RefName;
      at = nameEnd;
    }
  }
}

/** The ids of rows `start..end` as strings, made likewise. */
export function* idsOf(
  columns: RefColumns,
  start: number,
  end: number,
): Generator<ObjectId, void, undefined> {
  const width = hashByteLength(columns.objectFormat);
  for (const [segment, first, last] of segmentsOf(columns, start, end)) {
    const text = accelerators.hexText(segment.ids.subarray(first * width, last * width));
    for (let at = 0; at < text.length; at += 2 * width) yield text.slice(at, at + 2 * width) as ObjectId;
  }
}

/** The first number from `start` up to `end` for which `isBefore` is false, given that it is for all that follow. */
export function partitionPoint(start: number, end: number, isBefore: (at: number) => boolean): number {
  let low = start;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function segmentOf(columns: RefColumns, row: number): RefSegment {
  const segment = columns.segments[row >>> SHIFT];
  if (segment === undefined) throw new RangeError(`no ref has row ${row}`);
  return segment;
}

/** Each segment with rows among `start..end`, and which of its rows those are. */
function* segmentsOf(
  columns: RefColumns,
  start: number,
  end: number,
): Generator<readonly [segment: RefSegment, first: number, end: number], void, undefined> {
  for (let row = start; row < end; row = (row | ROW_MASK) + 1) {
    const first = row & ROW_MASK;
    yield [segmentOf(columns, row), first, Math.min(SEGMENT_ROWS, first + end - row)];
  }
}

/** Where the name of a row of a segment begins. */
function nameStart(segment: RefSegment, index: number): number {
  return index === 0 ? 0 : (segment.nameEnds[index - 1] ?? 0);
}

function hashAt(columns: RefColumns, hashes: Uint8Array, index: number): Uint8Array {
  const width = hashByteLength(columns.objectFormat);
  return hashes.subarray(index * width, (index + 1) * width);
}
