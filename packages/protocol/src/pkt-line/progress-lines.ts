// Turns band 2 bytes back into lines that may be shown.

import { DEFAULT_LIMITS } from "../limits.ts";
import { sanitizeText } from "../sanitize-text.ts";

/** One line of progress. gitprotocol-capabilities(5), "side-band, side-band-64k". */
export interface ProgressLine {
  /** Sanitised, without its line end; cut at the limit. */
  readonly text: string;
  /** True when it ended in CR: the next line replaces it. */
  readonly transient: boolean;
}

/** Options of {@link ProgressLines}. */
export interface ProgressLinesOptions {
  readonly onLine: (line: ProgressLine) => void;
  /** UTF-16 code units of one line. Default: `DEFAULT_LIMITS.maxProgressLineLength`. */
  readonly maxLength?: number;
}

/**
 * Re-assembles progress lines from pieces that are cut anywhere, in words and in UTF-8 sequences.
 * gitprotocol-capabilities(5), "side-band, side-band-64k".
 *
 * Lines end in CR, LF or CR LF. Empty lines are left out. Memory is bounded by `maxLength`.
 */
export class ProgressLines {
  readonly #onLine: (line: ProgressLine) => void;
  readonly #maxLength: number;
  readonly #buffer: Uint8Array;
  #length = 0;

  constructor(options: ProgressLinesOptions) {
    this.#onLine = options.onLine;
    this.#maxLength = options.maxLength ?? DEFAULT_LIMITS.maxProgressLineLength;
    // UTF-8 needs at most 3 bytes for a UTF-16 unit; one unit more shows that the line was cut.
    this.#buffer = new Uint8Array(3 * (this.#maxLength + 1));
  }

  /** Take a piece of band 2; it is not kept. */
  feed(piece: Uint8Array): void {
    for (const byte of piece) {
      if (byte === 0x0a || byte === 0x0d) this.#emit(byte === 0x0d);
      else if (this.#length < this.#buffer.length) {
        this.#buffer[this.#length] = byte;
        this.#length += 1;
      }
    }
  }

  /** Emit what was left without a line end. */
  finish(): void {
    this.#emit(false);
  }

  #emit(transient: boolean): void {
    if (this.#length === 0) return;
    const bytes = this.#buffer.subarray(0, this.#length);
    this.#length = 0;
    this.#onLine({ text: sanitizeText(bytes, { maxLength: this.#maxLength }), transient });
  }
}
