/** What Ctrl-C does: the first signal asks for a clean end, the second one ends the process at once. */

import { EXIT } from "./exit-status.ts";

/** The part of a process that signals arrive at. */
interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  exit(status: number): void;
}

export interface Interruption {
  /** Aborts at the first SIGINT or SIGTERM, and at SIGHUP unless that is taken. */
  readonly signal: AbortSignal;
  /** Take SIGHUP, which then ends nothing: a service is told so that its configuration changed. */
  readonly takeHangup: (listener: () => void) => void;
}

/**
 * Listen for signals. npm and a terminal deliver one Ctrl-C twice within a moment (to the process and to its
 * group); such an echo is not a second signal.
 */
export function watchSignals(source: SignalSource, echoMs = 200): Interruption {
  const controller = new AbortController();
  let firstAt = 0;
  let hangup: (() => void) | undefined;
  const onSignal = (): void => {
    const now = performance.now();
    if (!controller.signal.aborted) {
      firstAt = now;
      controller.abort(new Interrupted());
    } else if (now - firstAt > echoMs) {
      source.exit(EXIT.interrupted);
    }
  };
  for (const name of ["SIGINT", "SIGTERM"] as const) source.on(name, onSignal);
  source.on("SIGHUP", () => (hangup ?? onSignal)());
  return {
    signal: controller.signal,
    takeHangup: (listener) => {
      hangup = listener;
    },
  };
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
