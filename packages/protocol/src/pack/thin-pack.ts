// Makes a pack for a repository of one for the wire: adds the objects that its deltas are made of.

import { accelerators } from "../accelerators.ts";
import { ProtocolError } from "../errors.ts";
import { hashByteLength, type ObjectId, objectIdToBytes } from "../object-id.ts";
import { grown } from "./columns.ts";
import type { FindBase } from "./delta-resolver.ts";
import { encodePackEntryHeader, kindOf } from "./entry.ts";
import { createHasher, hashObject } from "./hasher.ts";
import { encodePackHeader, PACK_HEADER_LENGTH } from "./header.ts";
import type { IndexedPack } from "./indexed-pack.ts";
import { type PackSource, readExactly } from "./source.ts";

/** Copied at a time. */
const BLOCK_BYTES = 1024 * 1024;

/**
 * A thin pack with its external bases behind everything else, as whole objects: git-index-pack(1), `--fix-thin`.
 *
 * Yields the bytes of the completed pack in order, each piece valid until the next is asked for, and returns what is known
 * of it: for its index. A pack that is not thin comes out as it is.
 *
 * @param source the thin pack.
 * @param pack what `PackIndexer` made of it, with the same bases.
 * @throws {ProtocolError} `PACK_BASE_MISSING` when a base is not found any more, `OBJECT_INVALID` when another object is,
 * `PACK_TRUNCATED`.
 */
export function* completeThinPack(
  source: PackSource,
  pack: IndexedPack,
  findBase: FindBase,
): Generator<Uint8Array, IndexedPack, undefined> {
  const { format, externalBases } = pack;
  const hashLength = hashByteLength(format);
  const hasher = createHasher(format);
  const objectCount = pack.objectCount + externalBases.length;
  const header = encodePackHeader(objectCount);
  hasher.update(header);
  yield header;

  const bodyEnd = pack.packBytes - hashLength;
  for (let at = PACK_HEADER_LENGTH; at < bodyEnd; at += BLOCK_BYTES) {
    const block = readExactly(source, at, Math.min(BLOCK_BYTES, bodyEnd - at));
    hasher.update(block);
    yield block;
  }

  const offsets = grown(pack.offsets, new Float64Array(objectCount));
  const types = grown(pack.types, new Uint8Array(objectCount));
  const crcs = grown(pack.crcs, new Uint32Array(objectCount));
  const ids = grown(pack.ids, new Uint8Array(objectCount * hashLength));
  let end = bodyEnd;
  for (const [index, oid] of externalBases.entries()) {
    const { type, data } = findAgain(findBase, oid, pack);
    const entry = pack.objectCount + index;
    offsets[entry] = end;
    types[entry] = kindOf(type);
    ids.set(objectIdToBytes(oid), entry * hashLength);
    const pieces = [encodePackEntryHeader({ type, size: data.length }), accelerators.deflate(data)];
    let crc = 0;
    for (const piece of pieces) {
      crc = accelerators.crc32(piece, crc);
      hasher.update(piece);
      end += piece.length;
      yield piece;
    }
    crcs[entry] = crc;
  }
  const checksum = hasher.digest();
  yield checksum;
  return {
    format,
    version: 2,
    objectCount,
    packBytes: end + hashLength,
    checksum,
    offsets,
    types,
    ids,
    crcs,
    externalBases: [],
  };
}

/** What was found once may have changed since. */
function findAgain(
  findBase: FindBase,
  oid: ObjectId,
  { format }: IndexedPack,
): NonNullable<ReturnType<FindBase>> {
  const object = findBase(oid);
  if (object === undefined) {
    throw new ProtocolError("PACK_BASE_MISSING", `Cannot complete pack: base ${oid} is not there any more`, {
      phase: "pack",
    });
  }
  if (hashObject(object.type, object.data, format) === oid) return object;
  throw new ProtocolError(
    "OBJECT_INVALID",
    `Cannot complete pack: another object was found for base ${oid}`,
    {
      phase: "pack",
    },
  );
}
