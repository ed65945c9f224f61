/** What a channel sends, chunk by chunk, with an eye on its end while nothing is asked of it. */

export class Incoming {
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** A read that was begun and not yet taken. */
  #pending: Promise<IteratorResult<Uint8Array>> | undefined;
  #hasEnded = false;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next chunk; belongs to the caller. */
  next(): Promise<IteratorResult<Uint8Array>> {
    const next = this.#pending ?? this.#chunks.next();
    this.#pending = undefined;
    return next;
  }

  /** Begin to read ahead, so that an end that comes meanwhile is noticed. */
  watch(): void {
    const end = (): void => {
      this.#hasEnded = true;
    };
    this.#pending ??= this.#chunks.next();
    this.#pending.then(({ done }) => done === true && end(), end);
  }

  /** The other side ended while it was watched. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }
}
