// The header of one pack entry.

import { ProtocolError } from "../errors.ts";
import {
  hashByteLength,
  type ObjectFormat,
  type ObjectId,
  objectIdFromBytes,
  objectIdToBytes,
} from "../object-id.ts";
import { encodeBaseDistance, readBaseDistance, readSize, writeSize } from "./varint.ts";

/** The kinds of object. */
export type ObjectType = "commit" | "tree" | "blob" | "tag";

/**
 * What an entry holds: an object, or a delta against an earlier entry or a named object.
 *
 * `size` is the inflated size of what follows, for deltas that of the delta. `dataOffset` is where the zlib stream
 * begins, in the same bytes.
 */
export type PackEntryHeader =
  | { readonly type: ObjectType; readonly size: number; readonly dataOffset: number }
  | {
      readonly type: "ofs-delta";
      readonly size: number;
      readonly dataOffset: number;
      readonly baseOffset: number;
    }
  | {
      readonly type: "ref-delta";
      readonly size: number;
      readonly dataOffset: number;
      readonly baseId: ObjectId;
    };

const TYPES: readonly (PackEntryHeader["type"] | undefined)[] = [
  undefined,
  "commit",
  "tree",
  "blob",
  "tag",
  undefined,
  "ofs-delta",
  "ref-delta",
];

/**
 * Read the entry header at `offset`: gitformat-pack(5), "n-byte type and length".
 *
 * That `baseOffset` is the start of an entry is the caller's to check.
 *
 * @throws {ProtocolError} `PACK_TRUNCATED`, or `PACK_INVALID` for an unknown type or a base before the first entry.
 */
export function decodePackEntryHeader(
  bytes: Uint8Array,
  offset: number,
  format: ObjectFormat,
): PackEntryHeader {
  const first = bytes[offset];
  if (first === undefined) throw truncated(offset);
  const type = TYPES[(first >> 4) & 7];
  if (type === undefined) {
    throw new ProtocolError(
      "PACK_INVALID",
      `Cannot read pack entry: type ${(first >> 4) & 7} does not exist`,
      {
        phase: "pack",
        offset,
      },
    );
  }
  const size =
    first < 0x80 ? { value: first & 15, end: offset + 1 } : readSize(bytes, offset + 1, first & 15, 16);
  if (size === undefined) throw unreadable(bytes, offset);
  if (type === "ofs-delta") {
    const distance = readBaseDistance(bytes, size.end);
    if (distance === undefined) throw unreadable(bytes, offset);
    const baseOffset = offset - distance.value;
    if (distance.value < 1 || baseOffset < 12) {
      throw new ProtocolError(
        "PACK_INVALID",
        "Cannot read pack entry: its delta base is not an earlier entry",
        {
          phase: "pack",
          offset,
        },
      );
    }
    return { type, size: size.value, dataOffset: distance.end, baseOffset };
  }
  if (type === "ref-delta") {
    const dataOffset = size.end + hashByteLength(format);
    if (dataOffset > bytes.length) throw truncated(offset);
    return {
      type,
      size: size.value,
      dataOffset,
      baseId: objectIdFromBytes(bytes.subarray(size.end, dataOffset)),
    };
  }
  return { type, size: size.value, dataOffset: size.end };
}

/** What {@link encodePackEntryHeader} writes. `baseDistance` is the entry's own offset less its base's. */
export type PackEntryDescription =
  | { readonly type: ObjectType; readonly size: number }
  | { readonly type: "ofs-delta"; readonly size: number; readonly baseDistance: number }
  | { readonly type: "ref-delta"; readonly size: number; readonly baseId: ObjectId };

/** Write an entry header. A new array. */
export function encodePackEntryHeader(entry: PackEntryDescription): Uint8Array {
  const head: number[] = [];
  const low = (TYPES.indexOf(entry.type) << 4) | (entry.size % 16);
  const high = Math.floor(entry.size / 16);
  head.push(high > 0 ? low | 0x80 : low);
  if (high > 0) writeSize(high, head);
  const base =
    entry.type === "ofs-delta"
      ? encodeBaseDistance(entry.baseDistance)
      : entry.type === "ref-delta"
        ? objectIdToBytes(entry.baseId)
        : [];
  return Uint8Array.from([...head, ...base]);
}

function unreadable(bytes: Uint8Array, offset: number): ProtocolError {
  if (bytes.length - offset < 32) return truncated(offset);
  return new ProtocolError("PACK_INVALID", "Cannot read pack entry: a number in its header is too large", {
    phase: "pack",
    offset,
  });
}

function truncated(offset: number): ProtocolError {
  return new ProtocolError("PACK_TRUNCATED", "Cannot read pack entry: the pack ended in its header", {
    phase: "pack",
    offset,
  });
}
