// Which deltas are made of which object: columns again. OFS_DELTA children are known from the start; REF_DELTA children
// are found by the id of an object, once it has one.

import { type EntryTable, NONE } from "./entry-table.ts";
import { OFS_DELTA } from "./entry.ts";
import { compareIds, orderIds } from "./id-order.ts";

/** A part of {@link DeltaChildren.refs}. */
export interface RefGroup {
  readonly start: number;
  readonly end: number;
}

const NO_REFS: RefGroup = { start: 0, end: 0 };

/** The children of every entry of a table. */
export class DeltaChildren {
  readonly #table: EntryTable;
  /** OFS_DELTA children of entry `e`: `#ofs[#starts[e]..#starts[e + 1]]`. */
  readonly #starts: Int32Array;
  readonly #ofs: Int32Array;
  /** Places of REF_DELTA entries in the table's columns for them, by the ids of their bases. */
  readonly #refOrder: Uint32Array;
  /** Where the groups begin whose ids have at least this first byte. */
  readonly #fanOut: Uint32Array = new Uint32Array(257);

  constructor(table: EntryTable) {
    this.#table = table;
    this.#starts = new Int32Array(table.count + 1);
    this.#ofs = this.#collectOfs();
    this.#refOrder = orderIds(table.refBaseIds, table.hashLength, table.refCount);
    for (let place = 0; place < table.refCount; place += 1) {
      const first = table.refBaseIds[place * table.hashLength] ?? 0;
      this.#fanOut[first + 1] = (this.#fanOut[first + 1] ?? 0) + 1;
    }
    for (let byte = 1; byte <= 256; byte += 1) {
      this.#fanOut[byte] = (this.#fanOut[byte] ?? 0) + (this.#fanOut[byte - 1] ?? 0);
    }
  }

  /** First and last of an entry's OFS_DELTA children, for {@link ofsChild}. */
  ofsStart(entry: number): number {
    return this.#starts[entry] ?? 0;
  }

  ofsEnd(entry: number): number {
    return this.#starts[entry + 1] ?? 0;
  }

  ofsChild(place: number): number {
    return this.#ofs[place] ?? NONE;
  }

  /** The REF_DELTA children of the object with the id `ids[at..]`, for {@link refChild}. */
  refsOf(ids: Uint8Array, at: number): RefGroup {
    const order = this.#refOrder;
    if (order.length === 0) return NO_REFS;
    const { refBaseIds, hashLength } = this.#table;
    const byte = ids[at] ?? 0;
    let low = this.#fanOut[byte] ?? 0;
    let high = this.#fanOut[byte + 1] ?? 0;
    const limit = high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareIds(refBaseIds, (order[middle] ?? 0) * hashLength, ids, at, hashLength) < 0)
        low = middle + 1;
      else high = middle;
    }
    let end = low;
    while (end < limit && compareIds(refBaseIds, (order[end] ?? 0) * hashLength, ids, at, hashLength) === 0)
      end += 1;
    return { start: low, end };
  }

  refChild(place: number): number {
    return this.#table.refEntries[this.#refOrder[place] ?? 0] ?? NONE;
  }

  /**
   * Children in lists, one behind the other, the one with most descendants last.
   *
   * A base is needed until its last child was begun. When that is the child with most descendants, whoever is below a
   * waiting base has at most half of its descendants, so no more bases wait than the number of entries has bits.
   */
  #collectOfs(): Int32Array {
    const { count, kinds, bases } = this.#table;
    const starts = this.#starts;
    const descendants = new Int32Array(count);
    let total = 0;
    // Bases come first, so that a child is done when its base's turn comes.
    for (let entry = count - 1; entry >= 0; entry -= 1) {
      if (kinds[entry] !== OFS_DELTA) continue;
      const base = bases[entry] ?? 0;
      descendants[base] = (descendants[base] ?? 0) + (descendants[entry] ?? 0) + 1;
      starts[base + 1] = (starts[base + 1] ?? 0) + 1;
      total += 1;
    }
    for (let entry = 0; entry < count; entry += 1)
      starts[entry + 1] = (starts[entry + 1] ?? 0) + (starts[entry] ?? 0);
    const children = new Int32Array(total);
    const filled = new Int32Array(count);
    for (let entry = 0; entry < count; entry += 1) {
      if (kinds[entry] !== OFS_DELTA) continue;
      const base = bases[entry] ?? 0;
      const start = starts[base] ?? 0;
      const place = start + (filled[base] ?? 0);
      const before = children[place - 1] ?? 0;
      filled[base] = place - start + 1;
      if (place > start && (descendants[before] ?? 0) > (descendants[entry] ?? 0)) {
        children[place] = before;
        children[place - 1] = entry;
      } else {
        children[place] = entry;
      }
    }
    return children;
  }
}
