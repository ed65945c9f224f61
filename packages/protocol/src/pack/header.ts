// The 12 bytes in front of every pack.

import { ProtocolError } from "../errors.ts";
import { type ProtocolLimits, resolveLimits } from "../limits.ts";
import type { ObjectFormat } from "../object-id.ts";
import { createHasher } from "./hasher.ts";

/** `PACK`, version, object count. gitformat-pack(5), "pack-*.pack files". */
export const PACK_HEADER_LENGTH = 12;

/** gitformat-pack(5), "pack-*.pack files have the following format". */
export interface PackHeader {
  readonly version: 2 | 3;
  /** Entries in the pack, deltas included. */
  readonly objectCount: number;
}

/**
 * Read the first 12 bytes of a pack: gitformat-pack(5).
 *
 * @throws {ProtocolError} `PACK_TRUNCATED` for fewer bytes, `PACK_INVALID` for another signature or version,
 * `LIMIT_EXCEEDED` for more objects than `maxPackObjects`.
 */
export function decodePackHeader(bytes: Uint8Array, limits?: Partial<ProtocolLimits>): PackHeader {
  if (bytes.length < PACK_HEADER_LENGTH) {
    throw new ProtocolError("PACK_TRUNCATED", "Cannot read pack header: fewer than 12 bytes", {
      phase: "pack",
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, PACK_HEADER_LENGTH);
  const version = view.getUint32(4);
  if (view.getUint32(0) !== 0x5041434b || (version !== 2 && version !== 3)) {
    throw new ProtocolError("PACK_INVALID", "Cannot read pack header: expected PACK and version 2 or 3", {
      phase: "pack",
      offset: 0,
      excerpt: bytes.subarray(0, PACK_HEADER_LENGTH),
    });
  }
  const objectCount = view.getUint32(8);
  if (objectCount > resolveLimits(limits).maxPackObjects) {
    throw new ProtocolError("LIMIT_EXCEEDED", `Cannot read pack: it announces ${objectCount} objects`, {
      phase: "pack",
      details: { limit: "maxPackObjects" },
    });
  }
  return { version, objectCount };
}

/**
 * Write a version 2 header: gitformat-pack(5). A new array.
 *
 * @throws {RangeError} for a count that is no unsigned 32-bit integer.
 */
export function encodePackHeader(objectCount: number): Uint8Array {
  if (!Number.isInteger(objectCount) || objectCount < 0 || objectCount > 0xffff_ffff) {
    throw new RangeError(`Cannot write pack header: ${objectCount} is no object count`);
  }
  const bytes = new Uint8Array(PACK_HEADER_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x5041434b);
  view.setUint32(4, 2);
  view.setUint32(8, objectCount);
  return bytes;
}

/**
 * The pack of no objects: what must follow an update-request that only moves refs. A new array.
 * gitformat-pack(5), "pack-*.pack files".
 */
export function emptyPack(format: ObjectFormat): Uint8Array {
  const header = encodePackHeader(0);
  const trailer = createHasher(format).update(header).digest();
  const pack = new Uint8Array(header.length + trailer.length);
  pack.set(header);
  pack.set(trailer, header.length);
  return pack;
}
