// Puts the pieces of one object together.

const FIRST_BYTES = 1024 * 1024;

/** Collects as many bytes as were announced, and takes memory only as they come: an announcement costs nothing. */
export class ContentCollector {
  readonly #size: number;
  #bytes: Uint8Array;
  #length = 0;

  constructor(size: number) {
    this.#size = size;
    this.#bytes = new Uint8Array(Math.min(size, FIRST_BYTES));
  }

  /** Copies `view`. The caller sees to it that there are never more bytes than announced. */
  add(view: Uint8Array): void {
    const length = this.#length + view.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(this.#size, Math.max(length, 2 * this.#bytes.length)));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(view, this.#length);
    this.#length = length;
  }

  /** All of them; the caller's from now on. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
