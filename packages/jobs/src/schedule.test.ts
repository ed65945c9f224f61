import { describe, expect, test } from "vitest";
import { nextDueAt } from "./schedule.ts";

const MINUTE = 60_000;
const NOW = 1_790_000_000_000;
const at = (route: string, every: number | "auto", random = 0.5, lastChangeAt?: number): number =>
  nextDueAt(route, every, { now: NOW, lastChangeAt, random }) - NOW;

describe("nextDueAt", () => {
  test("is between half an interval and one and a half away, with a tenth of chance on each side", () => {
    for (let n = 0; n < 1_000; n += 1) {
      expect(at(`m-${n}/t`, 15 * MINUTE, 0)).toBeGreaterThanOrEqual(6 * MINUTE);
      expect(at(`m-${n}/t`, 15 * MINUTE, 1)).toBeLessThanOrEqual(24 * MINUTE);
    }
  });

  test("spreads routes over the whole interval", () => {
    const tenths = new Set<number>();
    for (let n = 0; n < 500; n += 1)
      tenths.add(Math.trunc((at(`m-${n}/t`, 10 * MINUTE) % (10 * MINUTE)) / MINUTE));
    expect(tenths.size).toBe(10);
  });

  test("keeps a route's slots: looks do not drift by the time that runs take", () => {
    const every = 15 * MINUTE;
    const first = nextDueAt("a/b", every, { now: NOW, lastChangeAt: undefined, random: 0.5 });
    const second = nextDueAt("a/b", every, { now: first + 40_000, lastChangeAt: undefined, random: 0.5 });
    expect(second - first).toBe(every);
  });

  test("auto waits half the time since the last change, from a minute to eight hours", () => {
    expect(at("a/b", "auto", 0.5, NOW)).toBe(MINUTE);
    expect(at("a/b", "auto", 0.5, NOW - 60 * MINUTE)).toBe(30 * MINUTE);
    expect(at("a/b", "auto", 0.5, NOW - 7 * 24 * 60 * MINUTE)).toBe(8 * 60 * MINUTE);
    expect(at("a/b", "auto", 0, NOW - 60 * MINUTE)).toBe(27 * MINUTE);
  });
});
