/** Tells an observer that a run goes on while nothing else is to be told: a server that thinks says nothing. */

import { monotonicNow } from "./clock.ts";
import type { RunMeter } from "./meter.ts";
import type { SyncEvent, SyncObserver, SyncPhase } from "./observer.ts";

const QUIET_MS = 2_000;

export interface Narration {
  /** Pass an event on. */
  readonly observe: SyncObserver;
  /** Nothing is told after this. */
  readonly stop: () => void;
}

/** Pass events on to `observer`, and `waiting` where there are none; without an observer nothing is done. */
export function narrate(observer: SyncObserver | undefined, meter: RunMeter): Narration {
  if (observer === undefined) return { observe: () => {}, stop: () => {} };
  let phase: SyncPhase = "discover";
  let lastMs = monotonicNow();
  const timer = setInterval(() => {
    const milliseconds = Math.round(monotonicNow() - lastMs);
    observer({
      type: "waiting",
      phase,
      milliseconds,
      sourceBytes: meter.bytes("source"),
      targetBytes: meter.bytes("target"),
    });
  }, QUIET_MS).unref();
  return {
    observe: (event: SyncEvent) => {
      if (event.type === "phase") phase = event.phase;
      lastMs = monotonicNow();
      timer.refresh();
      observer(event);
    },
    stop: () => clearInterval(timer),
  };
}
