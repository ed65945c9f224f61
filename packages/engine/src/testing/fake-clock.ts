/** A clock that a test moves: timers and the engine's own time go with it. */

import { performance } from "node:perf_hooks";
import { afterEach, beforeEach, vi } from "vitest";

/** For every test of the file; `vi.advanceTimersByTime()` moves it. */
export function useFakeClock(): void {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(performance, "now").mockImplementation(() => Date.now());
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });
}
