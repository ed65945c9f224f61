// Writes small packs from memory. For tests and server-side answers.

import { accelerators } from "../accelerators.ts";
import type { ObjectFormat } from "../object-id.ts";
import { encodePackEntryHeader, type ObjectType, type PackEntryDescription } from "./entry.ts";
import { createHasher } from "./hasher.ts";
import { encodePackHeader } from "./header.ts";

/** An object to pack. */
export interface PackableObject {
  readonly type: ObjectType;
  readonly data: Uint8Array;
}

/** An entry as it goes into a pack: an object or a delta, not yet deflated. */
export interface PackableEntry {
  readonly header: PackEntryDescription;
  readonly data: Uint8Array;
}

/** A pack of whole objects, without deltas, in the order given: gitformat-pack(5). A new array. */
export function encodePack(objects: Iterable<PackableObject>, format: ObjectFormat): Uint8Array {
  return encodePackEntries(
    Array.from(objects, ({ type, data }) => ({ header: { type, size: data.length }, data })),
    format,
  );
}

/**
 * A pack of entries as described, true or not: deltas must fit their bases for anyone to read it. Source:
 * gitformat-pack(5). A new array.
 */
export function encodePackEntries(entries: readonly PackableEntry[], format: ObjectFormat): Uint8Array {
  const pieces: Uint8Array[] = [encodePackHeader(entries.length)];
  for (const { header, data } of entries)
    pieces.push(encodePackEntryHeader(header), accelerators.deflate(data));
  const hasher = createHasher(format);
  for (const piece of pieces) hasher.update(piece);
  pieces.push(hasher.digest());
  const pack = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    pack.set(piece, offset);
    offset += piece.length;
  }
  return pack;
}
