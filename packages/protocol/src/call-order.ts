// The order of calls on a state machine: a call out of place is the caller's mistake, and is refused before it does anything.

import { ProtocolError, type ProtocolPhase } from "./errors.ts";

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
