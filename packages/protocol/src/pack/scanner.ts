// Walks through a pack that comes in chunks, entry by entry. It keeps no more of the pack than the header of one entry:
// content that goes on in the next chunk is inflated as far as it came, never again from its start.

import { accelerators } from "../accelerators.ts";
import { ProtocolError } from "../errors.ts";
import { INFLATE_TRUNCATED } from "../zlib/inflate-answer.ts";
import { type ProtocolLimits, resolveLimits } from "../limits.ts";
import { hashByteLength, type ObjectFormat } from "../object-id.ts";
import { ContentReader, type ContentWish } from "./content-reader.ts";
import { EntryHeader, REF_DELTA } from "./entry.ts";
import { createHasher, type Hasher } from "./hasher.ts";
import { InflateBudget } from "./inflate-budget.ts";
import { decodePackHeader, PACK_HEADER_LENGTH, type PackHeader } from "./header.ts";

/** What a {@link PackScanner} calls. The scanner's fields tell of the entry, until the call returns. */
export interface EntrySink {
  /** The first 12 bytes of the pack were read. */
  start?(header: PackHeader): void;
  /** The header was read. Offset, header and base are known. */
  begin(entry: PackScanner): ContentWish;
  /** Some of the content, in a view. */
  piece(view: Uint8Array): void;
  /** All is known. `content` is a view, empty unless all was wanted at once. */
  end(entry: PackScanner, content: Uint8Array): void;
}

/** What a pack said of itself, once it was read whole. */
export interface PackSummary {
  readonly version: 2 | 3;
  readonly objectCount: number;
  /** Bytes of the pack, its trailer included. */
  readonly packBytes: number;
  /** Its trailer: the hash of everything before, which was checked. Owned by the caller. */
  readonly checksum: Uint8Array;
}

/** Options of whoever reads a pack as it comes. */
export interface PackScanOptions {
  readonly format: ObjectFormat;
  readonly limits?: Partial<ProtocolLimits>;
  /**
   * Bytes of the whole pack, where that is known: a header that announces more objects than fit is refused at once, and
   * so is a pack that ends before its bytes do.
   */
  readonly packBytes?: number;
  /**
   * Content of up to so many bytes is inflated with our own code, in memory that is used again. Default: 1024. Beyond that
   * the host's zlib is faster, but what it takes for each stream stays until the garbage collector runs, which may be late
   * in a program that otherwise takes little.
   */
  readonly ownInflateBytes?: number;
}

type Phase = "header" | "entry" | "content" | "trailer" | "done" | "failed";

/** Longer than any header of an entry. */
const CARRY_BYTES = 64;
/** A type and size of one byte, and the zlib stream of nothing. */
const MIN_ENTRY_BYTES = 9;

export class PackScanner {
  /** The entry at hand: where it begins, and what its header says. */
  offset = 0;
  readonly header: EntryHeader = new EntryHeader();
  /** For REF_DELTA, the id of the base: ours, overwritten by the next. */
  readonly baseId: Uint8Array;
  /** At its end: bytes of its zlib stream, and the CRC-32 of all its bytes. */
  packedLength = 0;
  crc = 0;

  readonly #sink: EntrySink;
  readonly #limits: ProtocolLimits;
  readonly #budget: InflateBudget;
  readonly #hashLength: 20 | 32;
  readonly #packBytes: number | undefined;
  readonly #hasher: Hasher;
  readonly #content: ContentReader;
  readonly #carry: Uint8Array = new Uint8Array(CARRY_BYTES);
  #carried = 0;
  #phase: Phase = "header";
  #packHeader: PackHeader | undefined;
  #entriesLeft = 0;
  #chunk: Uint8Array = EMPTY;
  /** Next byte of the chunk; how many of the chunk are hashed; where in the pack the chunk begins. */
  #at = 0;
  #hashed = 0;
  #chunkOffset = 0;
  /** Where the bytes of the entry begin that its CRC does not count yet. */
  #crcFrom = 0;
  #summary: PackSummary | undefined;

  constructor(options: PackScanOptions, sink: EntrySink, budget?: InflateBudget) {
    this.#sink = sink;
    this.#limits = resolveLimits(options.limits);
    this.#budget = budget ?? new InflateBudget(this.#limits);
    this.#packBytes = options.packBytes;
    this.#hashLength = hashByteLength(options.format);
    this.baseId = new Uint8Array(this.#hashLength);
    this.#hasher = createHasher(options.format);
    this.#content = new ContentReader((view) => sink.piece(view), options.ownInflateBytes);
  }

  /** What the header of the pack says, once it came. */
  get packHeader(): PackHeader | undefined {
    return this.#packHeader;
  }

  /** As {@link PackReader.feed}. */
  feed(chunk: Uint8Array): boolean {
    const phase = this.#phase;
    if (phase === "failed") {
      throw new ProtocolError("STATE_INVALID", "Cannot go on with a pack that was refused", {
        phase: "pack",
      });
    }
    this.#chunkOffset += this.#at;
    this.#chunk = chunk;
    this.#at = 0;
    this.#hashed = 0;
    this.#crcFrom = 0;
    if (phase === "done") return true;
    // Whoever goes on after an error finds this.
    this.#phase = "failed";
    let next: Phase = phase;
    for (let moved = true; moved && next !== "done";) {
      const at = this.#at;
      const before: Phase = next;
      next = this.#step(before);
      moved = next !== before || this.#at > at;
    }
    if (next !== "done" && next !== "trailer") this.#hashUpTo(chunk.length);
    this.#phase = next;
    if (next === "done") return true;
    this.#chunk = EMPTY;
    return false;
  }

  /** After the end: bytes of the last chunk behind the pack. A view. */
  rest(): Uint8Array {
    return this.#phase === "done" ? this.#chunk.subarray(this.#at) : EMPTY;
  }

  /** @throws {ProtocolError} `PACK_TRUNCATED` before the end. */
  finish(): PackSummary {
    if (this.#summary !== undefined) return this.#summary;
    throw new ProtocolError("PACK_TRUNCATED", "Cannot read pack: it ended before its trailer did", {
      phase: "pack",
      offset: this.#chunkOffset + this.#at,
    });
  }

  #step(phase: Phase): Phase {
    switch (phase) {
      case "header":
        return this.#readPackHeader();
      case "entry":
        return this.#readEntryHeader();
      case "content":
        return this.#readContent();
      case "trailer":
        return this.#readTrailer();
      case "done":
      case "failed":
        return phase;
    }
  }

  #readPackHeader(): Phase {
    if (!this.#fillCarry(PACK_HEADER_LENGTH)) return "header";
    this.#carried = 0;
    const header = decodePackHeader(this.#carry.subarray(0, PACK_HEADER_LENGTH), this.#limits);
    this.#packHeader = header;
    this.#sink.start?.(header);
    const least = PACK_HEADER_LENGTH + header.objectCount * MIN_ENTRY_BYTES + this.#hashLength;
    if (this.#packBytes !== undefined && least > this.#packBytes) {
      throw new ProtocolError(
        "PACK_TRUNCATED",
        `Cannot read pack: ${header.objectCount} objects do not fit in its ${this.#packBytes} bytes`,
        { phase: "pack", offset: 8 },
      );
    }
    this.#entriesLeft = header.objectCount;
    return this.#nextEntry();
  }

  #nextEntry(): Phase {
    if (this.#entriesLeft > 0) return "entry";
    this.#hashUpTo(this.#at);
    const end = this.#chunkOffset + this.#at;
    if (this.#packBytes !== undefined && end + this.#hashLength < this.#packBytes) {
      throw new ProtocolError("PACK_INVALID", "Cannot read pack: bytes follow the last entry", {
        phase: "pack",
        offset: end,
      });
    }
    return "trailer";
  }

  #readEntryHeader(): Phase {
    const { header } = this;
    const chunk = this.#chunk;
    const carried = this.#carried;
    if (carried === 0) {
      const start = this.#at;
      this.offset = this.#chunkOffset + start;
      if (header.read(chunk, start, this.#hashLength, this.offset)) {
        this.#at = start + header.length;
        if (header.kind === REF_DELTA) this.#takeBaseId(chunk, this.#at);
        // One checksum over the whole entry, where it lies in one chunk.
        this.crc = 0;
        this.#crcFrom = start;
        this.#beginContent();
        return this.#readContent();
      }
    }
    // It may go on in the next chunk. What is copied too much here is read again from the chunk.
    const copied = chunk.subarray(this.#at, this.#at + CARRY_BYTES - carried);
    this.#carry.set(copied, carried);
    const seen = carried + copied.length;
    if (!header.read(this.#carry.subarray(0, seen), 0, this.#hashLength, this.offset)) {
      this.#carried = seen;
      this.#at += copied.length;
      return "entry";
    }
    this.#carried = 0;
    this.#at += header.length - carried;
    if (header.kind === REF_DELTA) this.#takeBaseId(this.#carry, header.length);
    this.crc = accelerators.crc32(this.#carry.subarray(0, header.length));
    this.#crcFrom = this.#at;
    this.#beginContent();
    return this.#readContent();
  }

  #takeBaseId(bytes: Uint8Array, end: number): void {
    this.baseId.set(bytes.subarray(end - this.#hashLength, end));
  }

  #beginContent(): void {
    const { size } = this.header;
    this.#budget.take(size, "maxObjectBytes", this.offset);
    this.#content.begin(size, this.#sink.begin(this));
    this.packedLength = 0;
  }

  #readContent(): Phase {
    const answer = this.#content.feed(this.#chunk, this.#at);
    if (answer !== 0 && answer !== INFLATE_TRUNCATED) throw this.#badContent();
    this.#at += this.#content.consumed;
    this.packedLength += this.#content.consumed;
    this.crc = accelerators.crc32(this.#chunk.subarray(this.#crcFrom, this.#at), this.crc);
    this.#crcFrom = this.#at;
    if (answer === INFLATE_TRUNCATED) return "content";
    this.#entriesLeft -= 1;
    this.#sink.end(this, this.#content.content);
    return this.#nextEntry();
  }

  #readTrailer(): Phase {
    if (!this.#fillCarry(this.#hashLength)) return "trailer";
    const checksum = this.#carry.slice(0, this.#hashLength);
    const digest = this.#hasher.digest();
    const packBytes = this.#chunkOffset + this.#at;
    if (digest.some((byte, index) => byte !== checksum[index])) {
      throw new ProtocolError(
        "PACK_CHECKSUM",
        "Cannot read pack: its trailer is not the hash of its content",
        {
          phase: "pack",
          offset: packBytes - this.#hashLength,
          excerpt: checksum,
        },
      );
    }
    const { version = 2, objectCount = 0 } = this.#packHeader ?? {};
    this.#summary = { version, objectCount, packBytes, checksum };
    return "done";
  }

  /** @returns true once `length` bytes are together. */
  #fillCarry(length: number): boolean {
    const piece = this.#chunk.subarray(this.#at, this.#at + length - this.#carried);
    this.#carry.set(piece, this.#carried);
    this.#carried += piece.length;
    this.#at += piece.length;
    return this.#carried === length;
  }

  /** Each byte before the trailer is hashed once, in runs as long as the chunks. */
  #hashUpTo(end: number): void {
    if (end > this.#hashed) this.#hasher.update(this.#chunk.subarray(this.#hashed, end));
    this.#hashed = end;
  }

  /** One for all faults: which of several is found first depends on how the pack is cut. */
  #badContent(): ProtocolError {
    return new ProtocolError(
      "PACK_INVALID",
      `Cannot read pack entry: its content cannot be inflated to the ${this.header.size} bytes that it says it has`,
      { phase: "pack", offset: this.offset },
    );
  }
}

const EMPTY: Uint8Array = new Uint8Array(0);
