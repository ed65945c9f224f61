// Reads a whole small pack from memory, every object of it. For probes, tests and server-side checks; a pack that is
// passed on is not read.

import { type ObjectFormat, hashByteLength, type ObjectId, objectIdFromBytes } from "../object-id.ts";
import type { FindBase } from "./delta-resolver.ts";
import type { ObjectType } from "./entry.ts";
import { indexPack } from "./pack-indexer.ts";
import { packSource } from "./source.ts";
import { PackVerifier } from "./trailer.ts";

/** An object of a pack. `data` is owned by the caller. */
export interface PackObject {
  readonly oid: ObjectId;
  readonly type: ObjectType;
  readonly data: Uint8Array;
}

/** Options of {@link readPackObjects}. */
export interface ReadPackOptions {
  readonly format: ObjectFormat;
  /** Default: 1 000 000. */
  readonly maxObjects?: number;
  /** Bytes of all objects and deltas together, inflated. Default: 256 MiB. */
  readonly maxInflatedBytes?: number;
  /** Finds bases that are not in a thin pack. Default: there are none. */
  readonly findBase?: FindBase;
}

/**
 * All objects of a pack, in pack order: gitformat-pack(5).
 *
 * The trailer is verified first, so a pack that was damaged on its way is told from one that was made wrongly. Deltas are
 * resolved without recursion, whether they name their base by offset or by id, and wherever in the pack it
 * is. Nothing is yielded before everything is known to be sound, so all objects are in memory then: for a pack that is
 * not small, see `PackIndexer`.
 *
 * @throws {ProtocolError} `PACK_TRUNCATED`, `PACK_CHECKSUM`, `PACK_INVALID`, `DELTA_INVALID`, `PACK_BASE_MISSING` (a
 * thin pack, or deltas in a circle), `LIMIT_EXCEEDED`.
 */
export function* readPackObjects(
  pack: Uint8Array,
  options: ReadPackOptions,
): Generator<PackObject, void, undefined> {
  const { format, findBase, maxObjects = 1_000_000, maxInflatedBytes = 256 * 1024 * 1024 } = options;
  const verifier = new PackVerifier({ format, limits: { maxPackObjects: maxObjects } });
  verifier.feed(pack);
  verifier.finish();
  const objects: { readonly type: ObjectType; readonly data: Uint8Array }[] = [];
  const { ids } = indexPack(packSource(pack), {
    format,
    limits: { maxPackObjects: maxObjects, maxInflatedBytes },
    ...(findBase && { findBase }),
    onObject: ({ entry, type, data }) => {
      objects[entry] = { type, data: data.slice() };
    },
  });
  const hashLength = hashByteLength(format);
  for (const [entry, { type, data }] of objects.entries()) {
    yield { oid: objectIdFromBytes(ids.subarray(entry * hashLength, (entry + 1) * hashLength)), type, data };
  }
}
