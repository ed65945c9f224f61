// Where bytes of a pack are read from in any order: memory, or whatever a caller has.

import { ProtocolError } from "../errors.ts";

/** A pack that can be read at any place, without waiting: in memory, or in a file by `fs.readSync`. */
export interface PackSource {
  /** Bytes of the whole pack. */
  readonly length: number;
  /**
   * The bytes from `offset` on: `length` of them, which are never asked for beyond the end. A view will do. They must
   * stay the same until the next call.
   */
  readAt(offset: number, length: number): Uint8Array;
}

/** A pack in memory as a source. `bytes` is not copied. */
export function packSource(bytes: Uint8Array): PackSource {
  return { length: bytes.length, readAt: (offset, length) => bytes.subarray(offset, offset + length) };
}

/** @throws {ProtocolError} `PACK_TRUNCATED` when the source gives fewer bytes than it has. */
export function readExactly(source: PackSource, offset: number, length: number): Uint8Array {
  const bytes = source.readAt(offset, length);
  if (bytes.length === length) return bytes;
  throw new ProtocolError("PACK_TRUNCATED", `Cannot read pack: ${bytes.length} of ${length} bytes came`, {
    phase: "pack",
    offset,
  });
}

/** Read at a time: most deltas lie soon after their bases, and a call into a file system costs more than some kilobytes. */
const WINDOW_BYTES = 16 * 1024;

/** Reads parts of a source, and copies what lies behind the last one. */
export class SourceWindow {
  readonly #source: PackSource;
  readonly #window: Uint8Array = new Uint8Array(WINDOW_BYTES);
  #start = 0;
  #length = 0;

  constructor(source: PackSource) {
    this.#source = source;
  }

  /**
   * A part: a view, valid until the next call here or to the source.
   *
   * @throws {ProtocolError} `PACK_TRUNCATED` when the source has fewer bytes than it said.
   */
  read(offset: number, length: number): Uint8Array {
    if (length > WINDOW_BYTES) return readExactly(this.#source, offset, length);
    if (offset < this.#start || offset + length > this.#start + this.#length) {
      // Nothing is there while this may fail.
      this.#length = 0;
      const bytes = readExactly(
        this.#source,
        offset,
        Math.max(length, Math.min(WINDOW_BYTES, this.#source.length - offset)),
      );
      this.#window.set(bytes);
      this.#start = offset;
      this.#length = bytes.length;
    }
    const at = offset - this.#start;
    return this.#window.subarray(at, at + length);
  }
}
