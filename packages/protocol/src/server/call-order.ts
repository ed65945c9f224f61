// The order of calls on a server: a call out of place is the caller's mistake, and is refused before it does anything.

import { ProtocolError, type ProtocolPhase } from "../errors.ts";

/**
 * Refuse a call that does not belong where the conversation stands.
 *
 * @throws {ProtocolError} `STATE_INVALID`, naming the present state and those in which the call is legal.
 */
export function throwUnlessIn<State extends string>(
  call: string,
  phase: ProtocolPhase,
  state: State,
  ...legal: readonly State[]
): void {
  if (legal.includes(state)) return;
  throw new ProtocolError(
    "STATE_INVALID",
    `Cannot ${call} in state "${state}": it belongs to "${legal.join('" or "')}"`,
    { phase, details: { state, expectedStates: legal } },
  );
}

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
