// Writes what lies beside a pack in a repository: its index, and the reverse of that.

import { hashByteLength } from "../object-id.ts";
import { createHasher } from "./hasher.ts";
import { orderIds } from "./id-order.ts";
import type { IndexedPack } from "./indexed-pack.ts";
import {
  INDEX_HEADER_LENGTH,
  INDEX_MAGIC,
  LARGE_OFFSET,
  REVERSE_HEADER_LENGTH,
  REVERSE_MAGIC,
} from "./index-layout.ts";

/** Options of {@link encodePackIndex}. */
export interface EncodePackIndexOptions {
  /**
   * Offsets above this are written in 64 bits, besides those that need them: git-index-pack(1), `--index-version`.
   * Default: 2^31 - 1, so none but those.
   */
  readonly largeOffsetsAbove?: number;
}

/**
 * What an index is made of: an {@link IndexedPack}, or the same columns from elsewhere.
 * gitformat-pack(5), "Version 2 pack-*.idx files".
 */
export type PackIndexColumns = Pick<
  IndexedPack,
  "format" | "checksum" | "offsets" | "ids" | "crcs" | "externalBases"
>;

/**
 * The `.idx` of a pack, version 2: gitformat-pack(5), "Version 2 pack-*.idx files". A new array.
 *
 * Byte for byte what `git index-pack` writes. An object that is in the pack twice is in the index twice, in the order of
 * the pack.
 *
 * @throws {RangeError} for a thin pack, which has no index.
 */
export function encodePackIndex(pack: PackIndexColumns, options: EncodePackIndexOptions = {}): Uint8Array {
  const { format, checksum, offsets, ids, crcs } = pack;
  const order = orderOf(pack);
  const count = order.length;
  const hashLength = hashByteLength(format);
  const largeAbove = Math.min(options.largeOffsetsAbove ?? Infinity, LARGE_OFFSET - 1);
  const large = offsets.reduce((found, offset) => (offset > largeAbove ? found + 1 : found), 0);
  const bytes = new Uint8Array(INDEX_HEADER_LENGTH + count * (hashLength + 8) + large * 8 + 2 * hashLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, INDEX_MAGIC);
  view.setUint32(4, 2);
  const crcsAt = INDEX_HEADER_LENGTH + count * hashLength;
  const offsetsAt = crcsAt + count * 4;
  let largeAt = offsetsAt + count * 4;
  let position = 0;
  for (let byte = 0; byte < 256; byte += 1) {
    for (; position < count && ids[(order[position] ?? 0) * hashLength] === byte; position += 1) {
      const entry = order[position] ?? 0;
      const offset = offsets[entry] ?? 0;
      bytes.set(
        ids.subarray(entry * hashLength, (entry + 1) * hashLength),
        INDEX_HEADER_LENGTH + position * hashLength,
      );
      view.setUint32(crcsAt + position * 4, crcs[entry] ?? 0);
      if (offset <= largeAbove) {
        view.setUint32(offsetsAt + position * 4, offset);
        continue;
      }
      view.setUint32(offsetsAt + position * 4, LARGE_OFFSET + (largeAt - offsetsAt - count * 4) / 8);
      view.setBigUint64(largeAt, BigInt(offset));
      largeAt += 8;
    }
    view.setUint32(8 + byte * 4, position);
  }
  return seal(bytes, checksum, pack);
}

/**
 * The `.rev` of a pack, version 1: gitformat-pack(5), "pack-*.rev files have the format". A new array.
 *
 * @throws {RangeError} for a thin pack.
 */
export function encodeReverseIndex(pack: PackIndexColumns): Uint8Array {
  const order = orderOf(pack);
  const hashLength = hashByteLength(pack.format);
  const bytes = new Uint8Array(REVERSE_HEADER_LENGTH + order.length * 4 + 2 * hashLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, REVERSE_MAGIC);
  view.setUint32(4, 1);
  view.setUint32(8, pack.format === "sha1" ? 1 : 2);
  for (let position = 0; position < order.length; position += 1) {
    view.setUint32(REVERSE_HEADER_LENGTH + (order[position] ?? 0) * 4, position);
  }
  return seal(bytes, pack.checksum, pack);
}

function orderOf({ externalBases, format, ids, offsets }: PackIndexColumns): Uint32Array {
  if (externalBases.length > 0) {
    throw new RangeError(`Cannot index a thin pack: ${externalBases.length} bases are not in it`);
  }
  return orderIds(ids, hashByteLength(format), offsets.length);
}

/** Put the two hashes behind everything else. */
function seal(bytes: Uint8Array, packChecksum: Uint8Array, { format }: PackIndexColumns): Uint8Array {
  const end = bytes.length - hashByteLength(format);
  bytes.set(packChecksum, end - packChecksum.length);
  bytes.set(createHasher(format).update(bytes.subarray(0, end)).digest(), end);
  return bytes;
}
