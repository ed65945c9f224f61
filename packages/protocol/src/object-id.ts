// Object names. A string is an ObjectId only after it passed through here.

import { ProtocolError } from "./errors.ts";

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

const HEX_PAIRS: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

/**
 * The object id whose hash is `bytes`.
 *
 * @throws {ProtocolError} `OBJECT_ID_INVALID` unless there are 20 or 32 bytes.
 */
export function objectIdFromBytes(bytes: Uint8Array): ObjectId {
  let hex = "";
  for (const byte of bytes) hex += HEX_PAIRS[byte];
  return parseObjectId(hex);
}

// 1 for 0-9 a-f, 2 for A-F, 0 for the rest: one lookup per digit on the path of a million refs.
const HEX_CLASS: Uint8Array = /* @__PURE__ */ (() => {
  const table = new Uint8Array(256);
  for (const digit of "0123456789abcdef") table[digit.charCodeAt(0)] = 1;
  for (const digit of "ABCDEF") table[digit.charCodeAt(0)] = 2;
  return table;
})();

/** How the bytes `start..end` read as hex: all lower-case, with upper-case digits, or not hex. */
export function classifyHex(bytes: Uint8Array, start: number, end: number): "lower" | "mixed" | "invalid" {
  let upper = 0;
  for (let index = start; index < end; index += 1) {
    const kind = HEX_CLASS[bytes[index] ?? 0] ?? 0;
    if (kind === 0) return "invalid";
    upper |= kind & 2;
  }
  return upper === 0 ? "lower" : "mixed";
}

/** Take text whose bytes {@link classifyHex} found to be an id of the right length. */
export function trustObjectId(text: string, kind: "lower" | "mixed"): ObjectId {
  return (kind === "lower" ? text : text.toLowerCase()) as ObjectId;
}
