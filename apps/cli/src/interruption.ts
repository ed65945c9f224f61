/** What Ctrl-C does: the first signal asks for a clean end, the second one ends the process at once. */

import { EXIT } from "./exit-status.ts";

/** The part of a process that signals arrive at. */
interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  exit(status: number): void;
}

export interface Interruption {
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
}

/**
 * Listen for signals. npm and a terminal deliver one Ctrl-C twice within a moment (to the process and to its
 * group); such an echo is not a second signal.
 */
export function watchSignals(source: SignalSource, echoMs = 200): Interruption {
  const controller = new AbortController();
  let firstAt = 0;
  const onSignal = (): void => {
    const now = performance.now();
    if (!controller.signal.aborted) {
      firstAt = now;
      controller.abort(new Interrupted());
    } else if (now - firstAt > echoMs) {
      source.exit(EXIT.interrupted);
    }
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) source.on(name, onSignal);
  return { signal: controller.signal };
}

/** Why a run was ended: the person at the terminal asked for it. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly code = "ABORTED";
  readonly remedy = "run it again";

  constructor() {
    super("Interrupted");
  }
}
