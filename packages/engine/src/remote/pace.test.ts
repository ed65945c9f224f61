import { describe, expect, test } from "vitest";
import { Pace, PaceWatch, takingBudgetMs } from "./pace.ts";

const LIMITS = { idleTimeoutMs: 60_000, minBytesPerSecond: 1_024 };

describe("Pace", () => {
  test("is kept by whoever brings enough in each window, however unevenly", () => {
    const pace = new Pace(LIMITS);
    for (let round = 0; round < 10; round += 1) {
      expect(pace.keeps(59_000, 0)).toBe(true);
      expect(pace.keeps(1_000, 60 * 1_024)).toBe(true);
    }
  });

  test("is lost by a drip that is never silent for long", () => {
    const pace = new Pace(LIMITS);
    const lost = Array.from({ length: 60 }, () => pace.keeps(1_000, 1_000)).indexOf(false);
    expect(lost).toBe(59);
  });

  test("is not carried over: what came in one window does not count in the next", () => {
    const pace = new Pace(LIMITS);
    expect(pace.keeps(60_000, 1_000_000)).toBe(true);
    expect(pace.keeps(60_000, 1_000)).toBe(false);
  });

  test("asks nothing of time that was not spent waiting", () => {
    const pace = new Pace(LIMITS);
    for (let chunk = 0; chunk < 1_000; chunk += 1) expect(pace.keeps(0, 1)).toBe(true);
  });
});

test("PaceWatch does not hold the silence before the first byte against a server, but what follows", () => {
  const watch = new PaceWatch({ idleTimeoutMs: 10, minBytesPerSecond: 1_000_000 });
  const afterAWhile = (): boolean => {
    watch.ask();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15);
    return watch.keeps(1);
  };
  expect([afterAWhile(), afterAWhile()]).toEqual([true, false]);
});

describe("takingBudgetMs()", () => {
  test("is the time that the slowest allowed network takes, and never less than silence is allowed", () => {
    expect(takingBudgetMs(1, LIMITS)).toBe(60_000);
    expect(takingBudgetMs(256 * 1_024, LIMITS)).toBe(256_000);
  });
});
