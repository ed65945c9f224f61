/**
 * Gathers the many small views that a demultiplexer yields into few large chunks.
 *
 * One write per side-band packet costs three times the CPU of one write per 256 KiB; the copy that gathering
 * takes is cheaper than either.
 */

/** Large enough to make writes rare, small enough that two of them in flight do not matter. */
const CHUNK_BYTES = 256 * 1024;

export class Gatherer {
  #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #length = 0;
  readonly #ready: Uint8Array[] = [];
  #total = 0;

  /** Copies `view`; the caller may reuse its bytes at once. */
  push(view: Uint8Array): void {
    this.#total += view.length;
    let from = 0;
    while (from < view.length) {
      const taken = Math.min(view.length - from, CHUNK_BYTES - this.#length);
      this.#chunk.set(view.subarray(from, from + taken), this.#length);
      this.#length += taken;
      from += taken;
      if (this.#length === CHUNK_BYTES) this.#seal();
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
    if (this.#length === 0) return undefined;
    const rest = this.#chunk.subarray(0, this.#length);
    this.#length = 0;
    return rest;
  }

  #seal(): void {
    this.#ready.push(this.#chunk);
    this.#chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.#length = 0;
  }
}
