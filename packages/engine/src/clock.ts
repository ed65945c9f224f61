/** Time for durations: never goes back, whatever happens to the wall clock. */

import { performance } from "node:perf_hooks";

/** Milliseconds with a fraction, from an arbitrary start. */
export function monotonicNow(): number {
  return performance.now();
}
