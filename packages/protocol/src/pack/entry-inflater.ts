// Inflates the content of one entry after another: small ones with our own code into memory that is used again, larger
// ones with the host's zlib, or with pako where it has none.

import { accelerators } from "../accelerators.ts";
import { INFLATE_CORRUPT, INFLATE_TRUNCATED, INFLATE_WRONG_SIZE } from "../zlib/inflate-answer.ts";
import { SmallInflater } from "../zlib/small-inflater.ts";

/** Up to this size our own code is faster than any library: a call into it costs more than the work. */
const SMALL_BYTES = 1024;

/** Inflates whole streams of known size. Not for two at a time. */
export class EntryInflater {
  readonly #inflater: SmallInflater = new SmallInflater();
  readonly #scratch: Uint8Array;
  #content: Uint8Array;
  #consumed = 0;

  /** @param ownBytes up to which size our own code inflates. */
  constructor(ownBytes: number = SMALL_BYTES) {
    this.#scratch = new Uint8Array(ownBytes);
    this.#content = this.#scratch;
  }

  /** What the last {@link inflate} gave: a view, valid until the next. */
  get content(): Uint8Array {
    return this.#content;
  }

  /** The same as an array of the caller's own. */
  takeContent(): Uint8Array {
    const content = this.#content;
    this.#content = EMPTY;
    return content.buffer === this.#scratch.buffer ? content.slice() : content;
  }

  /** Compressed bytes that the last {@link inflate} read. */
  get consumed(): number {
    return this.#consumed;
  }

  /**
   * Inflate the zlib stream at `source[start..end]`, of `size` bytes, whatever is behind it.
   *
   * @returns 0, or `INFLATE_TRUNCATED`, `INFLATE_CORRUPT`, `INFLATE_WRONG_SIZE`.
   */
  inflate(source: Uint8Array, start: number, end: number, size: number): number {
    if (size > this.#scratch.length) {
      const result = accelerators.inflate(source.subarray(start, end), size);
      if (result.type === "truncated") return INFLATE_TRUNCATED;
      if (result.type === "corrupt") return INFLATE_CORRUPT;
      if (result.type === "wrong-size") return INFLATE_WRONG_SIZE;
      this.#content = result.data;
      this.#consumed = result.consumed;
      return 0;
    }
    const consumed = this.#inflater.inflate(source, start, end, this.#scratch, 0, size);
    if (consumed < 0) return consumed;
    this.#content = this.#scratch.subarray(0, size);
    this.#consumed = consumed;
    return 0;
  }
}

const EMPTY: Uint8Array = new Uint8Array(0);
