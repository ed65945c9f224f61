// Packs whose objects and deltas a test describes, with what should come out of them.

import type { ObjectFormat, ObjectId } from "../object-id.ts";
import { encodePackEntryHeader, type ObjectType } from "../pack/entry.ts";
import { createHasher, hashObject } from "../pack/hasher.ts";
import { encodePackHeader } from "../pack/header.ts";
import { writeSize } from "../pack/varint.ts";
import { accelerators } from "../accelerators.ts";
import { concat } from "./bytes.ts";

/** An entry: its content, and, where it is to be a delta, the entry before it that it is made of. */
export interface DescribedEntry {
  readonly content: Uint8Array;
  readonly base?: { readonly entry: number; readonly by: "offset" | "id" };
}

export interface DescribedPack {
  readonly pack: Uint8Array;
  readonly ids: readonly ObjectId[];
  readonly offsets: readonly number[];
}

/** Put the pack together. All objects are blobs, unless told. */
export function deltifiedPack(
  entries: readonly DescribedEntry[],
  format: ObjectFormat = "sha1",
  type: ObjectType = "blob",
): DescribedPack {
  const ids = entries.map(({ content }) => hashObject(type, content, format));
  const offsets: number[] = [];
  const pieces: Uint8Array[] = [encodePackHeader(entries.length)];
  let length = 12;
  for (const { content, base } of entries) {
    offsets.push(length);
    const from = base && entries[base.entry]?.content;
    const data = from === undefined ? content : plainDelta(from, content);
    const size = data.length;
    const header =
      base === undefined
        ? encodePackEntryHeader({ type, size })
        : base.by === "offset"
          ? encodePackEntryHeader({
              type: "ofs-delta",
              size,
              baseDistance: length - (offsets[base.entry] ?? 0),
            })
          : encodePackEntryHeader({
              type: "ref-delta",
              size,
              baseId: ids[base.entry] ?? (ids[0] as ObjectId),
            });
    const packed = accelerators.deflate(data);
    pieces.push(header, packed);
    length += header.length + packed.length;
  }
  const body = concat(...pieces);
  return { pack: concat(body, createHasher(format).update(body).digest()), ids, offsets };
}

/** A delta that copies what both begin with, and inserts the rest. */
function plainDelta(base: Uint8Array, result: Uint8Array): Uint8Array {
  const bytes: number[] = [];
  writeSize(base.length, bytes);
  writeSize(result.length, bytes);
  let at = 0;
  while (at < 0xffff && at < base.length && at < result.length && base[at] === result[at]) at += 1;
  if (at > 0) bytes.push(0xb0, at & 0xff, at >> 8);
  while (at < result.length) {
    const piece = result.subarray(at, at + 127);
    bytes.push(piece.length, ...piece);
    at += piece.length;
  }
  return Uint8Array.from(bytes);
}
