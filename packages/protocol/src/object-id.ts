// Object names. A string is an ObjectId only after it passed through here.

import { ProtocolError } from "./errors.ts";
import { hexText } from "./hex.ts";

/** The hash of a repository (gitprotocol-capabilities(5), "object-format"). */
export type ObjectFormat = "sha1" | "sha256";

declare const objectIdBrand: unique symbol;

/** A lower-case hex object name: 40 digits in SHA-1 repositories, 64 in SHA-256 ones. */
export type ObjectId = string & { readonly [objectIdBrand]: never };

const HEX_40 = /^[0-9a-f]{40}$/;
const HEX_64 = /^[0-9a-f]{64}$/;
const ZERO_SHA1 = "0".repeat(40);
const ZERO_SHA256 = "0".repeat(64);

/** Hex digits in an object id of this format: 40 or 64. */
export function objectIdHexLength(format: ObjectFormat): 40 | 64 {
  return format === "sha1" ? 40 : 64;
}

/** Bytes in a hash of this format: 20 or 32. */
export function hashByteLength(format: ObjectFormat): 20 | 32 {
  return format === "sha1" ? 20 : 32;
}

/** True when `text` is a lower-case object id, of `format` when one is given. */
export function isObjectId(text: string, format?: ObjectFormat): text is ObjectId {
  if (format === "sha1") return HEX_40.test(text);
  if (format === "sha256") return HEX_64.test(text);
  return HEX_40.test(text) || HEX_64.test(text);
}

/**
 * Read an object id; upper-case digits are accepted and lowered.
 *
 * @throws {ProtocolError} `OBJECT_ID_INVALID` for another length or another digit.
 */
export function parseObjectId(text: string, format?: ObjectFormat): ObjectId {
  const lower = text.toLowerCase();
  if (isObjectId(lower, format)) return lower;
  const expected = format === undefined ? "40 or 64" : String(objectIdHexLength(format));
  throw new ProtocolError("OBJECT_ID_INVALID", `Cannot read object id: expected ${expected} hex digits`, {
    phase: "object-id",
    excerpt: new TextEncoder().encode(text.slice(0, 80)),
  });
}

/** The id of no object: all digits zero. On the wire it stands for "does not exist". */
export function zeroObjectId(format: ObjectFormat): ObjectId {
  return parseObjectId(format === "sha1" ? ZERO_SHA1 : ZERO_SHA256);
}

/** True for the zero id of either format. */
export function isZeroObjectId(id: string): boolean {
  return id === ZERO_SHA1 || id === ZERO_SHA256;
}

/** Bytes of an object id: a new array of 20 or 32. */
export function objectIdToBytes(id: ObjectId): Uint8Array {
  const bytes = new Uint8Array(id.length / 2);
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = Number.parseInt(id.slice(2 * index, 2 * index + 2), 16);
  }
  return bytes;
}

/**
 * The object id whose hash is `bytes`.
 *
 * @throws {ProtocolError} `OBJECT_ID_INVALID` unless there are 20 or 32 bytes.
 */
export function objectIdFromBytes(bytes: Uint8Array): ObjectId {
  return parseObjectId(hexText(bytes));
}
