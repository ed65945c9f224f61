// Finds out what the deltas of a pack stand for: depth first, without recursion, reading the pack where it lies.

import { ProtocolError } from "../errors.ts";
import type { ProtocolLimits } from "../limits.ts";
import { type ObjectId, objectIdFromBytes, objectIdToBytes } from "../object-id.ts";
import { DeltaChildren } from "./delta-children.ts";
import { applyDeltaTo, decodeDeltaHeaderFor } from "./delta.ts";
import { type EntryTable, NONE } from "./entry-table.ts";
import { EntryInflater } from "./entry-inflater.ts";
import { kindOf, type ObjectType, objectTypeOf, OFS_DELTA } from "./entry.ts";
import { ObjectHasher } from "./hasher.ts";
import { compareIds } from "./id-order.ts";
import type { InflateBudget } from "./inflate-budget.ts";
import { type PackSource, SourceWindow } from "./source.ts";

/** An object that a delta of a thin pack is made of, from outside the pack. */
export interface BaseObject {
  readonly type: ObjectType;
  readonly data: Uint8Array;
}

/** Finds an object by its id where a pack goes on in a repository. `undefined`: it is not there. */
export type FindBase = (oid: ObjectId) => BaseObject | undefined;

/** What a {@link DeltaResolver} works with. */
export interface DeltaResolverOptions {
  /** The bytes that the table was made of. */
  readonly source: PackSource;
  readonly limits: ProtocolLimits;
  readonly budget: InflateBudget;
  readonly findBase?: FindBase | undefined;
  /** Takes every object once, bases before what is made of them: its entry, and its content in a view. */
  readonly onObject?: ((entry: number, content: Uint8Array) => void) | undefined;
}

/** A base some of whose children are still to come. */
interface Waiting {
  readonly entry: number;
  readonly depth: number;
  /** Its content, unless memory was short. */
  content: Uint8Array | undefined;
  ofs: number;
  readonly ofsEnd: number;
  ref: number;
  readonly refEnd: number;
}

/** Results up to this size that nothing is made of share memory. */
const MAX_SCRATCH_BYTES = 1024 * 1024;

/** Completes a table: types and ids of all deltas, and the bases of those that name them by id. */
export class DeltaResolver {
  readonly #table: EntryTable;
  readonly #options: DeltaResolverOptions;
  readonly #source: SourceWindow;
  readonly #children: DeltaChildren;
  readonly #inflater: EntryInflater = new EntryInflater();
  readonly #hasher: ObjectHasher;
  readonly #stack: Waiting[] = [];
  /** Bytes that waiting bases keep, and how many at the bottom of the stack keep nothing. */
  #kept = 0;
  #dropped = 0;
  #resolved = 0;
  #scratch: Uint8Array = new Uint8Array(4096);
  /** Bases from outside the pack; as entries they have the numbers -2, -3 and so on. */
  readonly #external: ObjectId[] = [];

  constructor(table: EntryTable, options: DeltaResolverOptions) {
    this.#table = table;
    this.#options = options;
    this.#source = new SourceWindow(options.source);
    this.#children = new DeltaChildren(table);
    this.#hasher = new ObjectHasher(table.format);
  }

  /**
   * Resolve everything.
   *
   * @returns the bases that were not in the pack, in the order of their first deltas.
   * @throws {ProtocolError} `DELTA_INVALID`, `LIMIT_EXCEEDED`, `PACK_BASE_MISSING` when deltas are left: their bases are
   * nowhere, or they are made of each other in a circle.
   */
  run(): readonly ObjectId[] {
    const { count, kinds, ids, hashLength } = this.#table;
    const { onObject } = this.#options;
    for (let entry = 0; entry < count; entry += 1) {
      if ((kinds[entry] ?? 0) >= OFS_DELTA) continue;
      this.#resolved += 1;
      const base = this.#waiting(entry, 0, ids, entry * hashLength);
      if (base === undefined && onObject === undefined) continue;
      const content = this.#wholeObject(entry, base !== undefined);
      onObject?.(entry, content);
      if (base !== undefined) this.#resolveFrom(base, content, kinds[entry] ?? 0);
    }
    if (this.#resolved < count && this.#options.findBase !== undefined)
      this.#resolveThin(this.#options.findBase);
    if (this.#resolved < count) throw this.#unresolved();
    return this.#external;
  }

  /** As git does: in the order of the pack, each delta that is left asks for its base. */
  #resolveThin(findBase: FindBase): void {
    const { refCount, refEntries, refBaseIds, hashLength, types } = this.#table;
    for (let place = 0; place < refCount; place += 1) {
      if ((types[refEntries[place] ?? 0] ?? 0) !== 0) continue;
      const at = place * hashLength;
      const oid = objectIdFromBytes(refBaseIds.subarray(at, at + hashLength));
      const object = findBase(oid);
      if (object === undefined) continue;
      this.#checkBase(oid, object);
      this.#external.push(oid);
      const base = this.#waiting(-1 - this.#external.length, 0, refBaseIds, at);
      if (base !== undefined) this.#resolveFrom(base, object.data, kindOf(object.type));
    }
  }

  /** What a caller's store gives must be what was asked for: nobody would find out later. */
  #checkBase(oid: ObjectId, { type, data }: BaseObject): void {
    const id = new Uint8Array(this.#table.hashLength);
    this.#hasher.hash(type, data, id, 0);
    if (compareIds(id, 0, objectIdToBytes(oid), 0, id.length) === 0) return;
    throw new ProtocolError("OBJECT_INVALID", `Cannot use base ${oid}: another object was found for it`, {
      phase: "pack",
    });
  }

  /** Everything made of one object that is not itself made of any in the pack. */
  #resolveFrom(root: Waiting, content: Uint8Array, kind: number): void {
    const { types } = this.#table;
    const type = objectTypeOf(kind);
    this.#push(root, content);
    for (let base = this.#stack.at(-1); base !== undefined; base = this.#stack.at(-1)) {
      const child = this.#nextChild(base);
      if (child === NONE) {
        this.#pop(base);
        continue;
      }
      // An object that is in the pack twice is a base twice.
      if (types[child] !== 0) continue;
      const baseContent = base.content ?? this.#deriveAgain(base);
      // The last child needs no waiting base, so a chain of any length holds one or two.
      if (base.ofs === base.ofsEnd && base.ref === base.refEnd) this.#pop(base);
      this.#resolveChild(base, child, baseContent, kind, type);
    }
  }

  #resolveChild(base: Waiting, child: number, content: Uint8Array, kind: number, type: ObjectType): void {
    const { types, ids, bases, hashLength, offsets } = this.#table;
    const depth = base.depth + 1;
    if (depth > this.#options.limits.maxDeltaDepth) {
      throw new ProtocolError("LIMIT_EXCEEDED", `Cannot resolve delta: it is the ${depth}th of its chain`, {
        phase: "pack",
        offset: offsets[child] ?? 0,
        details: { limit: "maxDeltaDepth" },
      });
    }
    const isBase = this.#children.ofsStart(child) < this.#children.ofsEnd(child);
    let result = this.#apply(content, child, isBase);
    const at = child * hashLength;
    this.#hasher.hash(type, result, ids, at);
    types[child] = kind;
    bases[child] = base.entry;
    this.#resolved += 1;
    this.#options.onObject?.(child, result);
    const waiting = this.#waiting(child, depth, ids, at);
    if (waiting === undefined) return;
    if (!isBase) result = result.slice();
    this.#push(waiting, result);
  }

  /** @param kept whether the result has to outlive the next. */
  #apply(base: Uint8Array, child: number, kept: boolean): Uint8Array {
    const offset = this.#table.offsets[child] ?? 0;
    const { budget } = this.#options;
    budget.check(this.#table.sizes[child] ?? 0, "maxDeltaObjectBytes", offset);
    const delta = this.#inflate(child);
    const header = decodeDeltaHeaderFor(base, delta);
    const size = header.resultSize;
    budget.take(size, "maxDeltaObjectBytes", offset);
    if (!kept && size <= MAX_SCRATCH_BYTES && size > this.#scratch.length)
      this.#scratch = new Uint8Array(2 * size);
    const target = kept || size > MAX_SCRATCH_BYTES ? new Uint8Array(size) : this.#scratch.subarray(0, size);
    applyDeltaTo(target, base, delta, header);
    return target;
  }

  /** The content of an entry that is no delta. */
  #wholeObject(entry: number, kept: boolean): Uint8Array {
    const size = this.#table.sizes[entry] ?? 0;
    this.#options.budget.check(
      size,
      kept ? "maxDeltaObjectBytes" : "maxObjectBytes",
      this.#table.offsets[entry] ?? 0,
    );
    const content = this.#inflate(entry);
    return kept ? this.#inflater.takeContent() : content;
  }

  /** What an entry holds, deltas as they are: a view, until the next call. */
  #inflate(entry: number): Uint8Array {
    const { offsets, headerLengths, sizes } = this.#table;
    const offset = offsets[entry] ?? 0;
    const length = this.#table.packedLength(entry);
    const bytes = this.#source.read(offset + (headerLengths[entry] ?? 0), length);
    const answer = this.#inflater.inflate(bytes, 0, length, sizes[entry] ?? 0);
    if (answer === 0 && this.#inflater.consumed === length) return this.#inflater.content;
    throw new ProtocolError("PACK_INVALID", "Cannot read pack: its bytes changed since it was scanned", {
      phase: "pack",
      offset,
    });
  }

  /** A base in wait, or undefined when nothing is made of it. `ids[at..]` is its id. */
  #waiting(entry: number, depth: number, ids: Uint8Array, at: number): Waiting | undefined {
    const ofs = entry < 0 ? 0 : this.#children.ofsStart(entry);
    const ofsEnd = entry < 0 ? 0 : this.#children.ofsEnd(entry);
    const { start: ref, end: refEnd } = this.#children.refsOf(ids, at);
    if (ofs === ofsEnd && ref === refEnd) return undefined;
    return { entry, depth, content: undefined, ofs, ofsEnd, ref, refEnd };
  }

  #nextChild(base: Waiting): number {
    if (base.ofs < base.ofsEnd) return this.#children.ofsChild(base.ofs++);
    return base.ref < base.refEnd ? this.#children.refChild(base.ref++) : NONE;
  }

  #push(base: Waiting, content: Uint8Array): void {
    this.#stack.push(base);
    this.#keep(base, content);
  }

  #pop(base: Waiting): void {
    this.#stack.pop();
    this.#kept -= base.content?.length ?? 0;
    base.content = undefined;
    this.#dropped = Math.min(this.#dropped, this.#stack.length);
  }

  /** The bases that wait longest go first; the one at the top is needed now. */
  #keep(base: Waiting, content: Uint8Array): void {
    base.content = content;
    this.#kept += content.length;
    while (this.#kept > this.#options.limits.maxDeltaCacheBytes && this.#dropped < this.#stack.length - 1) {
      const oldest = this.#stack[this.#dropped];
      this.#kept -= oldest?.content?.length ?? 0;
      if (oldest !== undefined) oldest.content = undefined;
      this.#dropped += 1;
    }
  }

  /** The content of a base that was dropped: from the nearest object below it that is there, or from the pack. */
  #deriveAgain(base: Waiting): Uint8Array {
    const { kinds, bases } = this.#table;
    const there = new Map<number, Uint8Array>();
    for (const { entry, content } of this.#stack) if (content !== undefined) there.set(entry, content);
    const chain: number[] = [];
    let entry = base.entry;
    while (entry >= 0 && (kinds[entry] ?? 0) >= OFS_DELTA && !there.has(entry)) {
      chain.push(entry);
      entry = bases[entry] ?? NONE;
    }
    let content =
      there.get(entry) ?? (entry < 0 ? this.#externalContent(entry) : this.#wholeObject(entry, true));
    for (const delta of chain.toReversed()) content = this.#apply(content, delta, true);
    this.#keep(base, content);
    return content;
  }

  #externalContent(entry: number): Uint8Array {
    const oid = this.#external[-2 - entry];
    const object = oid === undefined ? undefined : this.#options.findBase?.(oid);
    if (oid === undefined || object === undefined) throw this.#unresolved();
    this.#checkBase(oid, object);
    return object.data;
  }

  #unresolved(): ProtocolError {
    const { count, refEntries, refBaseIds, hashLength, types, offsets } = this.#table;
    const place = refEntries.findIndex((entry) => types[entry] === 0);
    const oid = objectIdFromBytes(refBaseIds.subarray(place * hashLength, (place + 1) * hashLength));
    return new ProtocolError(
      "PACK_BASE_MISSING",
      `Cannot read pack: ${count - this.#resolved} deltas have no base in it, the first wants ${oid}`,
      { phase: "pack", offset: offsets[refEntries[place] ?? 0] ?? 0 },
    );
  }
}
