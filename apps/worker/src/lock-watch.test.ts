import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LockWatch } from "./lock-watch.ts";

describe("LockWatch", () => {
  let lost: string[];
  let locks: LockWatch;
  beforeEach(() => {
    vi.useFakeTimers();
    lost = [];
    locks = new LockWatch({ limitMs: 16_000, onTooOld: (job) => lost.push(job) });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("tells once of a lock that was not renewed, and not of one that was", () => {
    locks.begin("a");
    const over = locks.begin("b");
    vi.advanceTimersByTime(15_000);
    locks.renewed(["b", "somebody else's"]);
    vi.advanceTimersByTime(14_000);
    expect(lost).toEqual(["a"]);
    over();
    vi.advanceTimersByTime(60_000);
    expect(lost).toEqual(["a"]);
  });

  test("watches a job that began again here, although its first run ends later", () => {
    const first = locks.begin("a");
    const second = locks.begin("a");
    first();
    vi.advanceTimersByTime(17_000);
    expect(lost).toEqual(["a"]);
    second();
    expect(vi.getTimerCount()).toBe(0);
  });
});
