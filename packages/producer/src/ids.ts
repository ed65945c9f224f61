/** Ids and tokens: random, never reused. */

import { randomBytes } from "node:crypto";

/** A UUIDv7: ids made later sort later, as far as the clocks of the makers agree. */
export function newId(): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, "$1-$2-$3-$4-$5");
}

/** What every id made at or after a time is not below. */
export function firstIdAt(ms: number): string {
  return Math.max(0, Math.trunc(ms))
    .toString(16)
    .padStart(12, "0")
    .replace(/^(.{8})(.{4})$/u, "$1-$2");
}

/** A token that two hints never share; its order means nothing. */
export function newToken(): string {
  return randomBytes(12).toString("base64url");
}
