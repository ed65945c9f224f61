// The header of one pack entry.

import { ProtocolError } from "../errors.ts";
import {
  hashByteLength,
  type ObjectFormat,
  type ObjectId,
  objectIdFromBytes,
  objectIdToBytes,
} from "../object-id.ts";
import { PACK_HEADER_LENGTH } from "./header.ts";
import { encodeBaseDistance, readBaseDistance, readSize, writeSize } from "./varint.ts";

/** The kinds of object. gitformat-pack(5), "pack-*.pack files". */
export type ObjectType = "commit" | "tree" | "blob" | "tag";

/**
 * What an entry holds: an object, or a delta against an earlier entry or a named object.
 * gitformat-pack(5), "pack-*.pack files".
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

/** Entry types by their number in a pack: gitformat-pack(5), "Object types". 0 and 5 do not exist. */
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

/** The number of OFS_DELTA entries. */
export const OFS_DELTA = 6;
/** The number of REF_DELTA entries. */
export const REF_DELTA = 7;

/** The type that numbers 1 to 4 stand for: gitformat-pack(5), "Object types". @throws {RangeError} for another number. */
export function objectTypeOf(kind: number): ObjectType {
  const type = TYPES[kind];
  if (type === undefined || type === "ofs-delta" || type === "ref-delta") {
    throw new RangeError(`${kind} is no type of object`);
  }
  return type;
}

/** The number of a type. */
export function kindOf(type: PackEntryHeader["type"]): number {
  return TYPES.indexOf(type);
}

/** The header of one entry after another, in fields that are used again: for reading packs of millions. */
export class EntryHeader {
  /** 1 to 4, {@link OFS_DELTA} or {@link REF_DELTA}. */
  kind = 0;
  /** Inflated bytes of what follows. */
  size = 0;
  /** Bytes of the header. */
  length = 0;
  /** For {@link OFS_DELTA}: how far before the entry its base begins. At least 1, and not in the pack's header. */
  baseDistance = 0;

  /**
   * Read the header at `at`. For {@link REF_DELTA} the base's id is its last bytes.
   *
   * @param packOffset where in the pack that is.
   * @returns false when the bytes end in it.
   * @throws {ProtocolError} `PACK_INVALID`.
   */
  read(bytes: Uint8Array, at: number, hashLength: number, packOffset: number): boolean {
    const first = bytes[at];
    if (first === undefined) return false;
    this.kind = (first >> 4) & 7;
    if (TYPES[this.kind] === undefined) throw invalid(`type ${this.kind} does not exist`, packOffset);
    this.size = first & 15;
    let end = at + 1;
    if (first >= 0x80) {
      const size = readSize(bytes, end, this.size, 16);
      if (size === undefined) return mayGoOn(bytes, at, packOffset);
      this.size = size.value;
      end = size.end;
    }
    if (this.kind === OFS_DELTA) {
      const distance = readBaseDistance(bytes, end);
      if (distance === undefined) return mayGoOn(bytes, at, packOffset);
      if (distance.value < 1 || packOffset - distance.value < PACK_HEADER_LENGTH) {
        throw invalid("its delta base is not an earlier entry", packOffset);
      }
      this.baseDistance = distance.value;
      end = distance.end;
    } else if (this.kind === REF_DELTA) {
      end += hashLength;
      if (end > bytes.length) return false;
    }
    this.length = end - at;
    return true;
  }
}

/** No sound header is this long before the id of a base. */
const MAX_NUMBERS_LENGTH = 20;

/** False, unless the numbers are too large rather than cut. */
function mayGoOn(bytes: Uint8Array, at: number, packOffset: number): false {
  if (bytes.length - at < MAX_NUMBERS_LENGTH) return false;
  throw invalid("a number in its header is too large", packOffset);
}

function invalid(found: string, offset: number): ProtocolError {
  return new ProtocolError("PACK_INVALID", `Cannot read pack entry: ${found}`, { phase: "pack", offset });
}

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
  const header = new EntryHeader();
  const hashLength = hashByteLength(format);
  if (!header.read(bytes, offset, hashLength, offset)) {
    throw new ProtocolError("PACK_TRUNCATED", "Cannot read pack entry: the pack ended in its header", {
      phase: "pack",
      offset,
    });
  }
  const { size } = header;
  const dataOffset = offset + header.length;
  if (header.kind === OFS_DELTA) {
    return { type: "ofs-delta", size, dataOffset, baseOffset: offset - header.baseDistance };
  }
  if (header.kind === REF_DELTA) {
    const baseId = objectIdFromBytes(bytes.subarray(dataOffset - hashLength, dataOffset));
    return { type: "ref-delta", size, dataOffset, baseId };
  }
  return { type: objectTypeOf(header.kind), size, dataOffset };
}

/**
 * What {@link encodePackEntryHeader} writes. `baseDistance` is the entry's own offset less its base's.
 * gitformat-pack(5), "pack-*.pack files".
 */
export type PackEntryDescription =
  | { readonly type: ObjectType; readonly size: number }
  | { readonly type: "ofs-delta"; readonly size: number; readonly baseDistance: number }
  | { readonly type: "ref-delta"; readonly size: number; readonly baseId: ObjectId };

/** Write an entry header: gitformat-pack(5). A new array. */
export function encodePackEntryHeader(entry: PackEntryDescription): Uint8Array {
  const head: number[] = [];
  const low = (kindOf(entry.type) << 4) | (entry.size % 16);
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
