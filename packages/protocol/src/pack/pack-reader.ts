// Reads a pack as it comes and tells of each entry. It resolves no deltas and keeps nothing of what it has told.

import { type ObjectId, objectIdFromBytes } from "../object-id.ts";
import type { ContentWish } from "./content-reader.ts";
import { type ObjectType, OFS_DELTA, objectTypeOf, REF_DELTA } from "./entry.ts";
import type { PackHeader } from "./header.ts";
import { type EntrySink, PackScanner, type PackScanOptions, type PackSummary } from "./scanner.ts";

/** Where an entry is, and how large. gitformat-pack(5), "pack-*.pack files". */
export interface PackEntryPlace {
  /** Where the entry begins, from the start of the pack. */
  readonly offset: number;
  /** Bytes of the entry before its zlib stream. */
  readonly headerLength: number;
  /** Inflated bytes of its content; for deltas that of the delta. */
  readonly size: number;
}

/** The start of an entry: what its header says. gitformat-pack(5), "pack-*.pack files". */
export type PackEntryStart =
  | (PackEntryPlace & { readonly type: ObjectType })
  | (PackEntryPlace & { readonly type: "ofs-delta"; readonly baseOffset: number })
  | (PackEntryPlace & { readonly type: "ref-delta"; readonly baseId: ObjectId });

/** A whole entry. gitformat-pack(5), "pack-*.pack files". */
export type PackEntry = PackEntryStart & {
  /** Bytes of its zlib stream. */
  readonly packedLength: number;
  /** CRC-32 of header and zlib stream, as an index has it. */
  readonly crc32: number;
};

/** What a {@link PackReader} calls, always while it is fed. */
export interface PackReaderHandlers {
  /**
   * Say what is wanted of an entry's inflated content. `whole` takes as much memory as the object has bytes.
   * Default: nothing is.
   */
  readonly content?: (entry: PackEntryStart) => ContentWish;
  /** A piece of the content of an entry, where pieces are wanted: a view, valid until the handler returns. */
  readonly onPiece?: (piece: Uint8Array) => void;
  /**
   * An entry is over, and sound in itself: its size is right, its content has the checksum it should have.
   *
   * @param content all of it, where it is wanted whole: a view, valid until the handler returns.
   */
  readonly onEntry?: (entry: PackEntry, content: Uint8Array | undefined) => void;
}

/** Options of {@link PackReader}. */
export interface PackReaderOptions extends PackScanOptions, PackReaderHandlers {}

/**
 * Reads a pack in chunks of any size: gitformat-pack(5).
 *
 * Memory does not grow with the pack: at most one entry is held, and only where its content is wanted whole or is small.
 * Time does not depend on how the pack is cut. Entries are told before the trailer was seen: what is made of them is
 * sound only once {@link feed} returned true.
 */
export class PackReader {
  readonly #scanner: PackScanner;

  constructor(options: PackReaderOptions) {
    this.#scanner = new PackScanner(options, new Handlers(options));
  }

  /** What the pack's first 12 bytes say; undefined until they came. */
  get header(): PackHeader | undefined {
    return this.#scanner.packHeader;
  }

  /**
   * Take a chunk, which is not kept. Handlers are called meanwhile; what they throw comes out here.
   *
   * @returns true at the end of the pack, its trailer found right. That is known with the last byte: no end of the
   * stream is needed.
   * @throws {ProtocolError} `PACK_INVALID`, `PACK_CHECKSUM`, `LIMIT_EXCEEDED`; `STATE_INVALID` after any of them.
   */
  feed(chunk: Uint8Array): boolean {
    return this.#scanner.feed(chunk);
  }

  /** After the end: bytes of the last chunk behind the pack. A view. */
  rest(): Uint8Array {
    return this.#scanner.rest();
  }

  /**
   * Declare the end of the stream.
   *
   * @throws {ProtocolError} `PACK_TRUNCATED` when the pack goes on.
   */
  finish(): PackSummary {
    return this.#scanner.finish();
  }
}

/** Makes objects of a scanner's fields, for those who want them. */
class Handlers implements EntrySink {
  readonly #handlers: PackReaderHandlers;
  #start: PackEntryStart | undefined;
  #wish: ContentWish = "none";

  constructor(handlers: PackReaderHandlers) {
    this.#handlers = handlers;
  }

  begin(entry: PackScanner): ContentWish {
    const start = startOf(entry);
    this.#start = start;
    this.#wish = this.#handlers.content?.(start) ?? "none";
    return this.#wish;
  }

  piece(view: Uint8Array): void {
    this.#handlers.onPiece?.(view);
  }

  end(entry: PackScanner, content: Uint8Array): void {
    const start = this.#start;
    if (start === undefined) return;
    const { packedLength, crc: crc32 } = entry;
    this.#handlers.onEntry?.({ ...start, packedLength, crc32 }, this.#wish === "whole" ? content : undefined);
  }
}

function startOf({ offset, header, baseId }: PackScanner): PackEntryStart {
  const { kind, size, length: headerLength } = header;
  const place = { offset, headerLength, size };
  if (kind === OFS_DELTA) return { type: "ofs-delta", ...place, baseOffset: offset - header.baseDistance };
  if (kind === REF_DELTA) return { type: "ref-delta", ...place, baseId: objectIdFromBytes(baseId) };
  return { type: objectTypeOf(kind), ...place };
}
