// Makes of a pack what its index says: reads it once as it comes, and what its deltas need once more where it lies.

import { ProtocolError } from "../errors.ts";
import { type ProtocolLimits, resolveLimits } from "../limits.ts";
import type { ContentWish } from "./content-reader.ts";
import { DeltaResolver, type FindBase } from "./delta-resolver.ts";
import { EntryTable, NONE } from "./entry-table.ts";
import { type ObjectType, OFS_DELTA, objectTypeOf } from "./entry.ts";
import { type Hasher, ObjectHasher } from "./hasher.ts";
import type { PackHeader } from "./header.ts";
import type { IndexedPack } from "./indexed-pack.ts";
import { InflateBudget } from "./inflate-budget.ts";
import { type EntrySink, PackScanner, type PackScanOptions } from "./scanner.ts";
import type { PackSource } from "./source.ts";

/** An object of a pack, deltas resolved. gitformat-pack(5), "pack-*.pack files". */
export interface PackedObject {
  /** Its place in the columns of the {@link IndexedPack}. */
  readonly entry: number;
  readonly type: ObjectType;
  /** A view, valid until the handler returns. */
  readonly data: Uint8Array;
}

/** What {@link PackIndexer.resolve} may be given. */
export interface ResolvePackOptions {
  /** Finds bases that are not in the pack, which is then thin. Default: a thin pack is refused. */
  readonly findBase?: FindBase;
  /** Takes every object once, bases before what is made of them. Without it, objects that nothing is made of stay unread. */
  readonly onObject?: (object: PackedObject) => void;
}

/** Objects up to this size are hashed in one go. */
const MAX_WHOLE_BYTES = 1024 * 1024;
/** As much is read at a time where the pack lies already. */
const BLOCK_BYTES = 4 * 1024 * 1024;

/**
 * Finds the id, type, place and checksum of every object of a pack: git-index-pack(1).
 *
 * Feed it the pack while it is written somewhere, then let it resolve the deltas from there. Memory: some 50 bytes an
 * object, and `maxDeltaCacheBytes` while deltas are resolved, and the largest object that is a delta or a base.
 */
export class PackIndexer {
  readonly #scanner: PackScanner;
  readonly #table: EntryTable;
  readonly #limits: ProtocolLimits;
  readonly #budget: InflateBudget;
  #used = false;

  constructor(options: PackScanOptions) {
    this.#limits = resolveLimits(options.limits);
    this.#budget = new InflateBudget(this.#limits);
    this.#table = new EntryTable(options.format);
    this.#scanner = new PackScanner(
      options,
      new Collector(this.#table, this.#limits, this.#budget),
      this.#budget,
    );
  }

  /** Take a chunk, which is not kept. As `PackReader.feed()`. */
  feed(chunk: Uint8Array): boolean {
    return this.#scanner.feed(chunk);
  }

  /** After the end: bytes of the last chunk behind the pack. A view. */
  rest(): Uint8Array {
    return this.#scanner.rest();
  }

  /**
   * Resolve the deltas. Once, after {@link feed} returned true.
   *
   * @param source the bytes that were fed.
   * @throws {ProtocolError} `PACK_TRUNCATED` when the pack goes on, `DELTA_INVALID`, `PACK_BASE_MISSING` for a thin pack
   * and for deltas in a circle, `OBJECT_INVALID` when `findBase` gives another object, `LIMIT_EXCEEDED`,
   * `STATE_INVALID` for a second call.
   */
  resolve(source: PackSource, options: ResolvePackOptions = {}): IndexedPack {
    const summary = this.#scanner.finish();
    if (this.#used) {
      throw new ProtocolError("STATE_INVALID", "Cannot resolve a pack a second time", { phase: "pack" });
    }
    this.#used = true;
    const table = this.#table;
    const { findBase, onObject } = options;
    const externalBases = new DeltaResolver(table, {
      source,
      limits: this.#limits,
      budget: this.#budget,
      findBase,
      onObject:
        onObject && ((entry, data) => onObject({ entry, type: objectTypeOf(table.types[entry] ?? 0), data })),
    }).run();
    const { format, count } = table;
    return {
      ...summary,
      format,
      offsets: table.offsets.subarray(0, count),
      types: table.types.subarray(0, count),
      ids: table.ids.subarray(0, count * table.hashLength),
      crcs: table.crcs.subarray(0, count),
      externalBases,
    };
  }
}

/**
 * Index a pack that lies somewhere already, and nothing behind it.
 *
 * @throws {ProtocolError} as {@link PackIndexer}; `PACK_INVALID` when bytes follow the pack.
 */
export function indexPack(
  source: PackSource,
  options: Omit<PackScanOptions, "packBytes"> & ResolvePackOptions,
): IndexedPack {
  const indexer = new PackIndexer({ ...options, packBytes: source.length });
  for (let offset = 0; offset < source.length;) {
    const block = source.readAt(offset, Math.min(BLOCK_BYTES, source.length - offset));
    if (block.length === 0) break;
    offset += block.length;
    indexer.feed(block);
  }
  return indexer.resolve(source, options);
}

/** Fills a table, and hashes what is no delta on the way. */
class Collector implements EntrySink {
  readonly #table: EntryTable;
  readonly #hasher: ObjectHasher;
  readonly #limits: ProtocolLimits;
  readonly #budget: InflateBudget;
  #running: Hasher | undefined;

  constructor(table: EntryTable, limits: ProtocolLimits, budget: InflateBudget) {
    this.#table = table;
    this.#hasher = new ObjectHasher(table.format);
    this.#limits = limits;
    this.#budget = budget;
  }

  start({ objectCount }: PackHeader): void {
    if (objectCount <= this.#limits.maxIndexedObjects) return;
    throw new ProtocolError("LIMIT_EXCEEDED", `Cannot index pack: it announces ${objectCount} objects`, {
      phase: "pack",
      offset: 8,
      details: { limit: "maxIndexedObjects" },
    });
  }

  begin({ offset, header: { kind, size } }: PackScanner): ContentWish {
    if (kind >= OFS_DELTA) {
      this.#budget.check(size, "maxDeltaObjectBytes", offset);
      return "none";
    }
    if (size <= MAX_WHOLE_BYTES) return "whole";
    this.#running = this.#hasher.begin(objectTypeOf(kind), size);
    return "pieces";
  }

  piece(view: Uint8Array): void {
    this.#running?.update(view);
  }

  end(entry: PackScanner, content: Uint8Array): void {
    const table = this.#table;
    const { kind, baseDistance } = entry.header;
    const base = kind === OFS_DELTA ? table.entryAt(entry.offset - baseDistance) : NONE;
    // In the middle of an entry, deltas would be made of arbitrary bytes, or run in circles.
    if (kind === OFS_DELTA && base === NONE) {
      throw new ProtocolError(
        "PACK_INVALID",
        "Cannot read pack entry: its delta base is not the start of an entry",
        {
          phase: "pack",
          offset: entry.offset,
        },
      );
    }
    table.add(entry, base);
    const at = (table.count - 1) * table.hashLength;
    if (this.#running !== undefined) {
      table.ids.set(this.#running.digest(), at);
      this.#running = undefined;
    } else if (kind < OFS_DELTA) {
      this.#hasher.hash(objectTypeOf(kind), content, table.ids, at);
    }
  }
}
