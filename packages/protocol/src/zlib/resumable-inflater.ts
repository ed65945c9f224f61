// Inflates a zlib stream that comes in pieces, by pako: no host can stop at the end of a chunk and go on in the next one
// without waiting.

import {
  Z_BUF_ERROR,
  Z_NO_FLUSH,
  Z_OK,
  Z_STREAM_END,
  zlibInflate,
  zlibInflateInit,
  zlibInflateReset,
  ZStream,
} from "pako";
import { INFLATE_CORRUPT, INFLATE_TRUNCATED, INFLATE_WRONG_SIZE } from "./inflate-answer.ts";

const PIECE_BYTES = 64 * 1024;

/** Inflates streams one after another, each in as many pieces as it comes in. */
export class ResumableInflater {
  readonly #stream: ZStream = new ZStream();
  readonly #output: Uint8Array<ArrayBuffer> = new Uint8Array(PIECE_BYTES);
  #initialised = false;
  #size = 0;
  #inflated = 0;
  #consumed = 0;

  /** Begin a stream of `size` inflated bytes. What came of an earlier one is dropped. */
  begin(size: number): void {
    const status = this.#initialised ? zlibInflateReset(this.#stream) : zlibInflateInit(this.#stream);
    if (status !== Z_OK) throw new Error(`pako answered ${status} to an initialisation`);
    this.#initialised = true;
    this.#size = size;
    this.#inflated = 0;
  }

  /** Bytes of the source that the last {@link feed} read, whatever it answered. */
  get consumed(): number {
    return this.#consumed;
  }

  /**
   * Go on with `source[start..end]`, which is not kept.
   *
   * @param onPiece takes inflated bytes, up to 64 KiB, in a view that is valid until it returns; never more bytes than
   * the stream should have.
   * @returns 0 at the end of the stream, {@link INFLATE_TRUNCATED} when more is to come, or what is wrong.
   */
  feed(source: Uint8Array, start: number, end: number, onPiece: (view: Uint8Array) => void): number {
    const stream = this.#stream;
    stream.input = source;
    stream.next_in = start;
    stream.avail_in = end - start;
    const answer = this.#run(onPiece);
    this.#consumed = stream.next_in - start;
    stream.input = EMPTY;
    stream.avail_in = 0;
    return answer;
  }

  #run(onPiece: (view: Uint8Array) => void): number {
    const stream = this.#stream;
    for (;;) {
      // One byte more than there should be: an honest stream leaves it empty, so a longer one shows.
      const room = Math.min(PIECE_BYTES, this.#size - this.#inflated + 1);
      stream.output = this.#output;
      stream.next_out = 0;
      stream.avail_out = room;
      const status = zlibInflate(stream, Z_NO_FLUSH);
      this.#inflated += stream.next_out;
      if (this.#inflated > this.#size) return INFLATE_WRONG_SIZE;
      if (stream.next_out > 0) onPiece(this.#output.subarray(0, stream.next_out));
      if (status === Z_STREAM_END) return this.#inflated === this.#size ? 0 : INFLATE_WRONG_SIZE;
      if (status !== Z_OK && status !== Z_BUF_ERROR) return INFLATE_CORRUPT;
      if (stream.avail_out > 0) return INFLATE_TRUNCATED;
    }
  }
}

const EMPTY: Uint8Array = new Uint8Array(0);
