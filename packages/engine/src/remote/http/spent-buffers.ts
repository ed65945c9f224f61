/** Frees the buffers that a connection read into, behind whoever reads the body that is in them. */

import { isMarkedAsUntransferable } from "node:worker_threads";
import { releaseBuffer } from "../release-bytes.ts";
import { isSlab } from "./slab-reader.ts";

/**
 * The chunks of one body are views of larger buffers, several of one. The order of the bytes is that of the buffers, so
 * the first chunk of another buffer says that all before it is read, by the HTTP client too.
 *
 * A slab is an exception: reads that had to wait are joined in a copy, and what comes behind may be in the same slab
 * again, which the connection goes on to read into. Only another slab says that it is over.
 */
export class SpentBuffers {
  readonly #slabs = new Succession();
  readonly #others = new Succession();

  /** `chunk` is about to be read, and nothing that came before it will be read again. */
  pass({ buffer }: Uint8Array): void {
    (isSlab(buffer) ? this.#slabs : this.#others).pass(buffer);
  }
}

/** Buffers of which none comes again when another has come. */
class Succession {
  /** The last buffer, if it may be freed. */
  #last: ArrayBuffer | undefined;
  #seen: ArrayBufferLike | undefined;

  pass(buffer: ArrayBufferLike): void {
    if (buffer === this.#seen) return;
    // The first buffer of a body also holds the head of the answer, which may be read later.
    const isFirst = this.#seen === undefined;
    this.#seen = buffer;
    if (this.#last !== undefined) releaseBuffer(this.#last);
    this.#last = !isFirst && isAlone(buffer) ? buffer : undefined;
  }
}

/** Not the buffer that all small ones share, which Node marks. */
function isAlone(buffer: ArrayBufferLike): buffer is ArrayBuffer {
  return buffer instanceof ArrayBuffer && !isMarkedAsUntransferable(buffer);
}
