// The requests of one chunk, lent until they were all taken.

import { ProtocolError, type ProtocolPhase } from "../errors.ts";

/** Lends the requests of one chunk, and no others until those were taken to the end: bytes would be lost. */
export class ChunkLoan {
  readonly #phase: ProtocolPhase;
  #isOut = false;

  constructor(phase: ProtocolPhase) {
    this.#phase = phase;
  }

  /** @throws {ProtocolError} `STATE_INVALID` while earlier requests are out. */
  lend<Request>(requests: Iterable<Request>): Iterable<Request> {
    if (this.#isOut) {
      throw new ProtocolError("STATE_INVALID", "Cannot feed: the last chunk was not read to its end", {
        phase: this.#phase,
      });
    }
    this.#isOut = true;
    return this.#lent(requests);
  }

  *#lent<Request>(requests: Iterable<Request>): Generator<Request, void, undefined> {
    yield* requests;
    this.#isOut = false;
  }
}
