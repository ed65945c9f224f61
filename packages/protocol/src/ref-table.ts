// Many refs in columns of bytes: some 50 bytes for each, where an object takes 200. Reads only; decoders fill it.

import type { AdvertisedRef } from "./advertisement.ts";
import { beginsWith, decodeText, encodeText } from "./byte-text.ts";
import { type ObjectFormat, type ObjectId, objectIdFromBytes, parseObjectId } from "./object-id.ts";
import {
  compareName,
  compareNames,
  equalIds,
  idBytes,
  idsOf,
  nameBytes,
  namesOf,
  partitionPoint,
  peeledBytes,
  type RefColumns,
} from "./ref-columns.ts";
import { encodeRefName, isHeadName, parseRefName, type RefName } from "./ref-name.ts";
import { RefTableBuilder } from "./ref-table-builder.ts";

/**
 * The refs of an advertisement or of an ls-refs answer: gitprotocol-pack(5), "Reference Discovery";
 * gitprotocol-v2(5), "ls-refs".
 *
 * A row is a whole number below {@link size}; rows are in the order of the wire. Strings and objects are made when
 * asked for. Every name passed git check-ref-format or is `HEAD`; one that comes twice stands for its
 * last row wherever a name is looked up. Immutable. A row that is none is a `RangeError`.
 */
export class RefTable implements Iterable<AdvertisedRef> {
  readonly #columns: RefColumns;
  /** Rows of the columns that are this table's. */
  readonly #start: number;
  readonly #end: number;
  /** Rows in the order of their names, where the wire has another. */
  #order: Uint32Array | undefined;
  #objects: readonly AdvertisedRef[] | undefined;

  private constructor(columns: RefColumns, start: number, end: number) {
    this.#columns = columns;
    this.#start = start;
    this.#end = end;
  }

  /**
   * A table of refs that came from elsewhere, in the order given.
   *
   * @throws {ProtocolError} `REF_NAME_INVALID`, or `OBJECT_ID_INVALID` for an id that is not of `objectFormat`.
   */
  static from(objectFormat: ObjectFormat, refs: Iterable<AdvertisedRef>): RefTable {
    const builder = new RefTableBuilder(objectFormat);
    for (const { name, oid, peeled, symrefTarget } of refs) {
      const bytes = encodeRefName(parseRefName(name));
      builder.readId(encodeText(parseObjectId(oid, objectFormat)), 0);
      builder.add(bytes, 0, bytes.length, NUL);
      if (peeled !== undefined) builder.readPeeled(encodeText(parseObjectId(peeled, objectFormat)), 0);
      if (symrefTarget !== undefined) builder.pointTo(builder.length - 1, parseRefName(symrefTarget));
    }
    return RefTable.ofColumns(builder.finish());
  }

  /** Internal: columns are no part of the package's surface. */
  static ofColumns(columns: RefColumns): RefTable {
    return new RefTable(columns, 0, columns.length);
  }

  get objectFormat(): ObjectFormat {
    return this.#columns.objectFormat;
  }

  /** Number of refs. */
  get size(): number {
    return this.#end - this.#start;
  }

  /** Names ascend strictly in git's order, by their bytes; `HEAD` may come before them. */
  get isSorted(): boolean {
    return this.#columns.isSorted;
  }

  /** The ref `HEAD`, where it is listed. */
  get head(): AdvertisedRef | undefined {
    const row = this.#columns.headRow - this.#start;
    return row >= 0 && row < this.size ? this.ref(row) : undefined;
  }

  name(row: number): RefName {
    return decodeText(this.nameBytes(row)) as RefName;
  }

  /** The name as it was on the wire: a view, not to be changed. */
  nameBytes(row: number): Uint8Array {
    return nameBytes(this.#columns, this.#absolute(row));
  }

  id(row: number): ObjectId {
    return objectIdFromBytes(this.idBytes(row));
  }

  /** The id as 20 or 32 bytes: a view, not to be changed. */
  idBytes(row: number): Uint8Array {
    return idBytes(this.#columns, this.#absolute(row));
  }

  /** The object behind an annotated tag, where the server told. */
  peeled(row: number): ObjectId | undefined {
    const bytes = peeledBytes(this.#columns, this.#absolute(row));
    return bytes && objectIdFromBytes(bytes);
  }

  /** The ref that a symbolic ref points to, where the server told. */
  symrefTarget(row: number): RefName | undefined {
    return this.#columns.symrefTargets.get(this.#absolute(row));
  }

  /** A row as an object. */
  ref(row: number): AdvertisedRef {
    return this.#object(row, this.name(row), this.id(row));
  }

  /** All names, row by row. */
  names(): Generator<RefName, void, undefined> {
    return namesOf(this.#columns, this.#start, this.#end);
  }

  /** All ids, row by row. */
  ids(): Generator<ObjectId, void, undefined> {
    return idsOf(this.#columns, this.#start, this.#end);
  }

  /** All rows as objects: an array that is made once and kept. */
  toArray(): readonly AdvertisedRef[] {
    return (this.#objects ??= Object.freeze([...this]));
  }

  /** All rows as objects, one at a time. */
  *[Symbol.iterator](): Generator<AdvertisedRef, void, undefined> {
    const ids = this.ids();
    let row = 0;
    for (const name of this.names()) {
      const { value } = ids.next();
      if (value !== undefined) yield this.#object(row, name, value);
      row += 1;
    }
  }

  /** The row of a name, or -1. Searched in halves; a table that is not sorted is put in order once, beside its rows. */
  rowOf(name: RefName): number {
    const bytes = encodeRefName(name);
    return this.#find((row) => compareName(this.#columns, row, bytes, 0, bytes.length));
  }

  /**
   * The row that has the name of row `row` of `other`, or -1. No string is made.
   *
   * `near` is looked at first: walking two sorted tables side by side, pass the row behind the one that was found last.
   */
  rowLike(other: RefTable, row: number, near: number = 0): number {
    const [columns, wanted] = [other.#columns, other.#absolute(row)];
    const guess = this.#start + near;
    if (this.isSorted && near >= 0 && guess < this.#end && !this.#isHeadInFront(guess)) {
      if (compareNames(this.#columns, guess, columns, wanted) === 0) return near;
    }
    return this.#find((mine) => compareNames(this.#columns, mine, columns, wanted));
  }

  /** The id of a name. */
  get(name: RefName): ObjectId | undefined {
    const row = this.rowOf(name);
    return row < 0 ? undefined : this.id(row);
  }

  has(name: RefName): boolean {
    return this.rowOf(name) >= 0;
  }

  /** Whether row `row` names the object that row `otherRow` of `other` names. */
  equalId(row: number, other: RefTable, otherRow: number): boolean {
    return (
      this.objectFormat === other.objectFormat &&
      equalIds(this.#columns, this.#absolute(row), other.#columns, other.#absolute(otherRow))
    );
  }

  /** Those of `ids` that a ref names. Reads the table once, however many they are. */
  idsAmong(ids: ReadonlySet<ObjectId>): ReadonlySet<ObjectId> {
    const found = new Set<ObjectId>();
    if (ids.size === 0) return found;
    for (const id of this.ids()) {
      if (ids.has(id) && found.add(id).size === ids.size) break;
    }
    return found;
  }

  /**
   * The refs whose names begin with `prefix`, sorted, each name once; `HEAD` is not among them. Not path components:
   * `refs/heads/a` also takes `refs/heads/abc`. Shares the bytes of this table when this is sorted, else has its own.
   */
  under(prefix: string): RefTable {
    if (!this.isSorted) return this.#inOrder().under(prefix);
    const bytes = encodeText(prefix);
    const columns = this.#columns;
    const start = partitionPoint(
      this.#isHeadInFront(this.#start) ? this.#start + 1 : this.#start,
      this.#end,
      (row) => compareName(columns, row, bytes, 0, bytes.length) < 0,
    );
    const end = partitionPoint(start, this.#end, (row) => {
      const name = nameBytes(columns, row);
      return beginsWith(name, 0, name.length, bytes);
    });
    return new RefTable(columns, start, end);
  }

  #absolute(row: number): number {
    if (Number.isInteger(row) && row >= 0 && row < this.size) return this.#start + row;
    throw new RangeError(`Cannot read ref: row ${row} of ${this.size}`);
  }

  #object(row: number, name: RefName, oid: ObjectId): AdvertisedRef {
    const peeled = this.peeled(row);
    const symrefTarget = this.symrefTarget(row);
    if (peeled === undefined && symrefTarget === undefined) return { name, oid };
    return {
      name,
      oid,
      ...(peeled === undefined ? {} : { peeled }),
      ...(symrefTarget === undefined ? {} : { symrefTarget }),
    };
  }

  /** `HEAD` is not where the order of the others would have it. */
  #isHeadInFront(row: number): boolean {
    return row === 0 && this.#columns.headRow === 0;
  }

  /** The last row whose name is the one that `compare` looks for, or -1. */
  #find(compare: (row: number) => number): number {
    const order = this.isSorted ? undefined : this.#sortedRows();
    const first = order === undefined && this.#isHeadInFront(this.#start) ? this.#start + 1 : this.#start;
    const at = (position: number): number =>
      order === undefined ? position : (order[position - this.#start] ?? 0);
    const behind = partitionPoint(first, this.#end, (position) => compare(at(position)) <= 0);
    if (behind > first && compare(at(behind - 1)) === 0) return at(behind - 1) - this.#start;
    return first > this.#start && compare(this.#start) === 0 ? 0 : -1;
  }

  #sortedRows(): Uint32Array {
    this.#order ??= Uint32Array.from({ length: this.size }, (_, row) => this.#start + row).sort(
      (a, b) => compareNames(this.#columns, a, this.#columns, b) || a - b,
    );
    return this.#order;
  }

  /** A table of its own, sorted, with the last row of each name. `HEAD` is left out. */
  #inOrder(): RefTable {
    const builder = new RefTableBuilder(this.objectFormat);
    const order = this.#sortedRows();
    for (const [position, row] of order.entries()) {
      const next = order[position + 1];
      if (next !== undefined && compareNames(this.#columns, row, this.#columns, next) === 0) continue;
      const name = nameBytes(this.#columns, row);
      if (isHeadName(name, 0, name.length)) continue;
      builder.copyId(idBytes(this.#columns, row));
      builder.add(name, 0, name.length, NUL);
      const peeled = peeledBytes(this.#columns, row);
      if (peeled !== undefined) {
        builder.copyId(peeled);
        builder.peelLast();
      }
      const target = this.#columns.symrefTargets.get(row);
      if (target !== undefined) builder.pointTo(builder.length - 1, target);
    }
    return RefTable.ofColumns(builder.finish());
  }
}

/** In no name, so nothing ends one before its bytes are over. */
const NUL = 0;
