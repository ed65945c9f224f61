// What is kept of every entry of a pack: columns, some 50 bytes an entry, no object for any of them.

import { hashByteLength, type ObjectFormat } from "../object-id.ts";
import { grown } from "./columns.ts";
import { OFS_DELTA, REF_DELTA } from "./entry.ts";
import type { PackScanner } from "./scanner.ts";

const FIRST_ENTRIES = 64;
/** No entry. */
export const NONE = -1;

/** The entries of a pack in the order of the pack. Columns are longer than `count`. */
export class EntryTable {
  readonly format: ObjectFormat;
  readonly hashLength: 20 | 32;
  count = 0;
  /** Where the trailer begins. */
  end = 0;
  /** Where each entry begins: ascending. */
  offsets: Float64Array = new Float64Array(FIRST_ENTRIES);
  headerLengths: Uint8Array = new Uint8Array(FIRST_ENTRIES);
  /** Numbers of types as the pack has them: 1 to 4, 6, 7. */
  kinds: Uint8Array = new Uint8Array(FIRST_ENTRIES);
  /** Inflated bytes of the content; of the delta, where it is one. */
  sizes: Float64Array = new Float64Array(FIRST_ENTRIES);
  crcs: Uint32Array = new Uint32Array(FIRST_ENTRIES);
  /** Types of the objects, 1 to 4; 0 for a delta that is not resolved yet. */
  types: Uint8Array = new Uint8Array(FIRST_ENTRIES);
  /** Ids of the objects; nothing where `types` is 0. */
  ids: Uint8Array;
  /** Of deltas, the entry of the base; {@link NONE} for a REF_DELTA that is not resolved yet. */
  bases: Int32Array = new Int32Array(FIRST_ENTRIES);
  /** The REF_DELTA entries, and the ids of their bases. */
  refCount = 0;
  refEntries: Int32Array = new Int32Array(0);
  refBaseIds: Uint8Array = new Uint8Array(0);

  constructor(format: ObjectFormat) {
    this.format = format;
    this.hashLength = hashByteLength(format);
    this.ids = new Uint8Array(FIRST_ENTRIES * this.hashLength);
  }

  /** Add the entry at hand of a scanner, which lies behind all others. `base` is the entry of an OFS_DELTA's base. */
  add(entry: PackScanner, base: number): void {
    if (this.count === this.offsets.length) this.#grow();
    const at = this.count;
    const { kind, length, size } = entry.header;
    this.offsets[at] = entry.offset;
    this.headerLengths[at] = length;
    this.kinds[at] = kind;
    this.sizes[at] = size;
    this.crcs[at] = entry.crc;
    this.types[at] = kind < OFS_DELTA ? kind : 0;
    this.bases[at] = base;
    if (kind === REF_DELTA) this.#addRef(at, entry.baseId);
    this.count += 1;
    this.end = entry.offset + length + entry.packedLength;
  }

  /** The entry that begins at an offset, or {@link NONE}. */
  entryAt(offset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = this.offsets[middle] ?? 0;
      if (found === offset) return middle;
      if (found < offset) low = middle + 1;
      else high = middle;
    }
    return NONE;
  }

  /** Bytes of an entry's zlib stream: it ends where the next entry begins. */
  packedLength(entry: number): number {
    const next = entry + 1 < this.count ? (this.offsets[entry + 1] ?? 0) : this.end;
    return next - (this.offsets[entry] ?? 0) - (this.headerLengths[entry] ?? 0);
  }

  #addRef(entry: number, baseId: Uint8Array): void {
    const { hashLength } = this;
    if (this.refCount === this.refEntries.length) {
      const length = Math.max(64, this.refCount * 2);
      this.refEntries = grown(this.refEntries, new Int32Array(length));
      this.refBaseIds = grown(this.refBaseIds, new Uint8Array(length * hashLength));
    }
    this.refEntries[this.refCount] = entry;
    this.refBaseIds.set(baseId, this.refCount * hashLength);
    this.refCount += 1;
  }

  #grow(): void {
    const length = this.count * 2;
    this.offsets = grown(this.offsets, new Float64Array(length));
    this.headerLengths = grown(this.headerLengths, new Uint8Array(length));
    this.kinds = grown(this.kinds, new Uint8Array(length));
    this.sizes = grown(this.sizes, new Float64Array(length));
    this.crcs = grown(this.crcs, new Uint32Array(length));
    this.types = grown(this.types, new Uint8Array(length));
    this.ids = grown(this.ids, new Uint8Array(length * this.hashLength));
    this.bases = grown(this.bases, new Int32Array(length));
  }
}
