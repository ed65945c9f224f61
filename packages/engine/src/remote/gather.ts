/**
 * Gathers the many small views that a demultiplexer yields into few large chunks.
 *
 * One write per side-band packet costs three times the CPU of one write per 256 KiB; the copy that gathering
 * takes is cheaper than either.
 */

import { BUFFER_BYTES, releaseBuffer, takeBuffer } from "./release-bytes.ts";

/** Buffers made here whose one chunk may still be in use. */
const gathered = new WeakSet<ArrayBuffer>();

/** Free a chunk of a {@link Gatherer} that was written, or what is left of it as a view; other bytes are left alone. */
export function releaseGathered(chunk: Uint8Array): void {
  const { buffer } = chunk;
  if (buffer instanceof ArrayBuffer && gathered.delete(buffer)) releaseBuffer(buffer);
}

export class Gatherer {
  /** Made when there is something to gather. */
  #chunk: Uint8Array<ArrayBuffer> | undefined;
  #length = 0;
  readonly #ready: Uint8Array[] = [];
  #total = 0;

  /** Copies `view`; the caller may reuse its bytes at once. */
  push(view: Uint8Array): void {
    this.#total += view.length;
    let from = 0;
    while (from < view.length) {
      const chunk = (this.#chunk ??= new Uint8Array(takeBuffer()));
      const taken = Math.min(view.length - from, BUFFER_BYTES - this.#length);
      chunk.set(view.subarray(from, from + taken), this.#length);
      this.#length += taken;
      from += taken;
      if (this.#length === BUFFER_BYTES) this.#seal(chunk);
    }
  }

  /** Bytes that were pushed so far. */
  get total(): number {
    return this.#total;
  }

  /** The next full chunk; belongs to the caller. */
  takeFull(): Uint8Array | undefined {
    return this.#ready.shift();
  }

  /** Whatever is left, at the end. */
  takeRest(): Uint8Array | undefined {
    const chunk = this.#chunk;
    if (chunk === undefined) return undefined;
    const rest = chunk.subarray(0, this.#length);
    this.#chunk = undefined;
    this.#length = 0;
    return rest;
  }

  #seal(chunk: Uint8Array<ArrayBuffer>): void {
    gathered.add(chunk.buffer);
    this.#ready.push(chunk);
    this.#chunk = undefined;
    this.#length = 0;
  }
}
