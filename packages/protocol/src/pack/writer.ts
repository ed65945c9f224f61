// Writes packs, entry by entry: nothing is kept but the hash.

import { accelerators } from "../accelerators.ts";
import { ProtocolError } from "../errors.ts";
import type { ObjectFormat } from "../object-id.ts";
import { encodePackEntryHeader, type ObjectType, type PackEntryDescription } from "./entry.ts";
import { createHasher, type Hasher } from "./hasher.ts";
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

/** Options of {@link PackWriter}. */
export interface PackWriterOptions {
  readonly format: ObjectFormat;
  /** Entries that will be added: a pack says so before the first. */
  readonly objectCount: number;
  /** Takes the bytes of the pack, in order. Each array is the taker's, but for the content of `addDeflated`. */
  readonly onBytes: (bytes: Uint8Array) => void;
}

/** Writes a pack of any size: gitformat-pack(5). That deltas fit their bases is the caller's to see to. */
export class PackWriter {
  readonly #onBytes: (bytes: Uint8Array) => void;
  readonly #hasher: Hasher;
  #left: number;
  #offset = 0;
  #ended = false;

  /** Writes the header at once. @throws {RangeError} for a count that is no unsigned 32-bit integer. */
  constructor({ format, objectCount, onBytes }: PackWriterOptions) {
    this.#onBytes = onBytes;
    this.#hasher = createHasher(format);
    this.#left = objectCount;
    this.#write(encodePackHeader(objectCount));
  }

  /** Where the next entry begins: for the distance of a later OFS_DELTA to it. */
  get offset(): number {
    return this.#offset;
  }

  /** Deflate and write one entry. @throws {RangeError} when `header.size` is another. @throws {ProtocolError} `STATE_INVALID` after the last. */
  add({ header, data }: PackableEntry): void {
    if (header.size !== data.length) {
      throw new RangeError(`Cannot write pack entry: it has ${data.length} bytes, not ${header.size}`);
    }
    this.addDeflated(header, accelerators.deflate(data));
  }

  /** Write an entry whose content was deflated already, as it was read from another pack. As {@link add}. */
  addDeflated(header: PackEntryDescription, stream: Uint8Array): void {
    if (this.#left === 0) {
      throw new ProtocolError("STATE_INVALID", "Cannot write pack entry: as many as announced were written", {
        phase: "pack",
      });
    }
    this.#left -= 1;
    this.#write(encodePackEntryHeader(header));
    this.#write(stream);
  }

  /** Write the trailer. Once. @returns the same. @throws {ProtocolError} `STATE_INVALID` while entries are missing. */
  finish(): Uint8Array {
    if (this.#left > 0 || this.#ended) {
      const found = this.#ended ? "it was ended before" : `${this.#left} announced entries are missing`;
      throw new ProtocolError("STATE_INVALID", `Cannot end pack: ${found}`, { phase: "pack" });
    }
    this.#ended = true;
    const trailer = this.#hasher.digest();
    this.#offset += trailer.length;
    this.#onBytes(trailer);
    return trailer;
  }

  #write(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
    this.#offset += bytes.length;
    this.#onBytes(bytes);
  }
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
  const pieces: Uint8Array[] = [];
  const writer = new PackWriter({
    format,
    objectCount: entries.length,
    onBytes: (bytes) => pieces.push(bytes),
  });
  for (const { header, data } of entries) writer.addDeflated(header, accelerators.deflate(data));
  writer.finish();
  const pack = new Uint8Array(writer.offset);
  let offset = 0;
  for (const piece of pieces) {
    pack.set(piece, offset);
    offset += piece.length;
  }
  return pack;
}
