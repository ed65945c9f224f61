// Strings out of chunks, fast: one decode for a window of bytes, then slices of that string, which V8 makes without copying.

import { accelerators } from "./accelerators.ts";
import { decodeText } from "./byte-text.ts";

// Large enough to make decoding cheap, small enough that one kept name does not hold megabytes.
const WINDOW_LENGTH = 128 * 1024;

/** Gives text of byte ranges of the current window. */
export class ChunkText {
  #window: Uint8Array | undefined;
  #text: string | undefined;

  /**
   * Feed `chunk` to `feed` in windows until it returns false.
   *
   * @returns undefined when all was fed, else how many bytes of the chunk lie behind the window in which it stopped.
   */
  feedWindows(chunk: Uint8Array, feed: (window: Uint8Array) => boolean): number | undefined {
    for (let start = 0; start < chunk.length; start += WINDOW_LENGTH) {
      const window = chunk.subarray(start, start + WINDOW_LENGTH);
      this.#window = window;
      this.#text = accelerators.asciiText(window);
      try {
        if (!feed(window)) return chunk.length - start - window.length;
      } finally {
        this.#window = undefined;
        this.#text = undefined;
      }
    }
    return undefined;
  }

  /** Text of `source[start..end]`; bytes that are not UTF-8 become lone surrogates. */
  slice(source: Uint8Array, start: number, end: number): string {
    return this.#text !== undefined && source === this.#window
      ? this.#text.slice(start, end)
      : decodeText(source.subarray(start, end));
  }
}
