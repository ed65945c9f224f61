// Inflates the content of entries that come in chunks. What lies whole in one chunk, or in two, is inflated in one go;
// what does not is inflated as far as it came. Nothing is inflated more than three times, however it is cut.

import { INFLATE_TRUNCATED } from "../zlib/inflate-answer.ts";
import { ResumableInflater } from "../zlib/resumable-inflater.ts";
import { ContentCollector } from "./content-collector.ts";
import { EntryInflater } from "./entry-inflater.ts";

/** What is wanted of an entry's inflated content: nothing, all at once, or piece by piece. */
export type ContentWish = "none" | "whole" | "pieces";

/** Larger content is always inflated as it comes. */
const MAX_WHOLE_BYTES = 8 * 1024 * 1024;
/** Content up to this size waits for one more chunk: most does not need a third. */
const MAX_CARRIED_SIZE = 256 * 1024;
/** What a byte of deflate can stand for at most: four times 258 bytes, a length and a distance of one bit each. */
const MOST_FROM_BYTE = 1032;
/** Large content is hardly ever deflated further than this: with less of it at hand, inflating in one go is not tried. */
const HOPEFUL_RATIO = 16;

type State = "fresh" | "carried" | "resumed";

/** Reads one content after another. */
export class ContentReader {
  readonly #onPiece: (view: Uint8Array) => void;
  readonly #inflater: EntryInflater;
  /** Made when it is first needed: it is large, and small packs in one chunk never do. */
  #resumable: ResumableInflater | undefined;
  #carry: Uint8Array = new Uint8Array(4096);
  #carried = 0;
  #state: State = "fresh";
  #size = 0;
  #wish: ContentWish = "none";
  #collector: ContentCollector | undefined;
  #content: Uint8Array = EMPTY;
  #consumed = 0;

  /**
   * @param onPiece takes the pieces where they are wished for, in views.
   * @param ownInflateBytes as `PackScanOptions` has it.
   */
  constructor(onPiece: (view: Uint8Array) => void, ownInflateBytes?: number) {
    this.#onPiece = onPiece;
    this.#inflater = new EntryInflater(ownInflateBytes);
  }

  /** Begin content of `size` inflated bytes. */
  begin(size: number, wish: ContentWish): void {
    this.#size = size;
    this.#wish = wish;
    this.#state = "fresh";
    this.#content = EMPTY;
  }

  /** Bytes of the chunk that the last {@link feed} read. */
  get consumed(): number {
    return this.#consumed;
  }

  /** At the end of content that was wished for whole: a view, valid until the next {@link begin}. */
  get content(): Uint8Array {
    return this.#content;
  }

  /**
   * Go on with `chunk[at..]`, which is not kept.
   *
   * @returns 0 at the end of the content, `INFLATE_TRUNCATED` when more is to come (the chunk was then read to its end),
   * or what is wrong with it.
   */
  feed(chunk: Uint8Array, at: number): number {
    switch (this.#state) {
      case "fresh":
        return this.#begin(chunk, at);
      case "carried":
        return this.#complete(chunk, at);
      case "resumed":
        return this.#resume(chunk, at);
    }
  }

  #begin(chunk: Uint8Array, at: number): number {
    const available = chunk.length - at;
    const most = longestDeflated(this.#size);
    if (this.#mayBeWhole(available)) {
      // Nothing sound is longer. What is, takes the slow way.
      const answer = this.#inflateWhole(chunk, at, Math.min(chunk.length, at + most));
      this.#consumed = this.#inflater.consumed;
      if (answer !== INFLATE_TRUNCATED) return answer;
    }
    // Only what is known to go on may wait: the next chunk need not come otherwise.
    if (this.#size <= MAX_CARRIED_SIZE && available <= most) {
      this.#carried = 0;
      this.#consumed = this.#carryMore(chunk, at);
      this.#carried = this.#consumed;
      this.#state = "carried";
      return INFLATE_TRUNCATED;
    }
    this.#startStream();
    return this.#resume(chunk, at);
  }

  #complete(chunk: Uint8Array, at: number): number {
    const carried = this.#carried;
    const end = carried + this.#carryMore(chunk, at);
    if (this.#mayBeWhole(end)) {
      const answer = this.#inflateWhole(this.#carry, 0, end);
      this.#consumed = this.#inflater.consumed - carried;
      if (answer !== INFLATE_TRUNCATED) return answer;
    }
    this.#startStream();
    const answer = this.#stream().feed(this.#carry, 0, carried, this.#takePiece);
    return answer === INFLATE_TRUNCATED ? this.#resume(chunk, at) : answer;
  }

  #resume(chunk: Uint8Array, at: number): number {
    const answer = this.#stream().feed(chunk, at, chunk.length, this.#takePiece);
    this.#consumed = this.#stream().consumed;
    if (answer === 0 && this.#collector !== undefined) {
      this.#content = this.#collector.finish();
      this.#collector = undefined;
    }
    return answer;
  }

  /** False for content up to {@link MAX_CARRIED_SIZE} only when it is certain. */
  #mayBeWhole(available: number): boolean {
    if (this.#size <= MAX_CARRIED_SIZE) return available * MOST_FROM_BYTE >= this.#size;
    return this.#size <= MAX_WHOLE_BYTES && available * HOPEFUL_RATIO >= this.#size;
  }

  #inflateWhole(source: Uint8Array, start: number, end: number): number {
    const answer = this.#inflater.inflate(source, start, end, this.#size);
    if (answer !== 0) return answer;
    if (this.#wish === "whole") this.#content = this.#inflater.content;
    else if (this.#wish === "pieces" && this.#size > 0) this.#onPiece(this.#inflater.content);
    return 0;
  }

  #startStream(): void {
    this.#state = "resumed";
    this.#stream().begin(this.#size);
    this.#collector = this.#wish === "whole" ? new ContentCollector(this.#size) : undefined;
  }

  #stream(): ResumableInflater {
    this.#resumable ??= new ResumableInflater();
    return this.#resumable;
  }

  /** Copy what may belong to the content behind what is carried already. @returns how much that was. */
  #carryMore(chunk: Uint8Array, at: number): number {
    const carried = this.#carried;
    const length = Math.min(chunk.length - at, longestDeflated(this.#size) - carried);
    if (carried + length > this.#carry.length) {
      const larger = new Uint8Array(2 * (carried + length));
      larger.set(this.#carry.subarray(0, carried));
      this.#carry = larger;
    }
    this.#carry.set(chunk.subarray(at, at + length), carried);
    return length;
  }

  readonly #takePiece = (view: Uint8Array): void => {
    if (this.#wish === "pieces") this.#onPiece(view);
    else this.#collector?.add(view);
  };
}

const EMPTY: Uint8Array = new Uint8Array(0);

/** Not even a poor deflater needs more bytes: it may store everything, in blocks of a few bytes. */
function longestDeflated(size: number): number {
  return 2 * size + 4096;
}
