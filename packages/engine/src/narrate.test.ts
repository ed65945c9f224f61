import { expect, test, vi } from "vitest";
import { RunMeter } from "./meter.ts";
import { narrate } from "./narrate.ts";
import type { SyncEvent } from "./observer.ts";
import { useFakeClock } from "./testing/fake-clock.ts";

useFakeClock();

test("where nothing is told for two seconds, it is told that the run waits, and for how long", () => {
  const told: SyncEvent[] = [];
  const meter = new RunMeter();
  const { observe, stop } = narrate((event) => told.push(event), meter);
  observe({ type: "phase", phase: "history" });
  meter.traffic("source").received(7);
  vi.advanceTimersByTime(1_999);
  observe({ type: "progress", side: "source", bytes: 7, bytesPerSecond: 1 });
  vi.advanceTimersByTime(1_999);
  expect(told.map(({ type }) => type)).toEqual(["phase", "progress"]);
  vi.advanceTimersByTime(2_001);
  expect(told.slice(2)).toEqual(
    [2_000, 4_000].map((milliseconds) => ({
      type: "waiting",
      phase: "history",
      milliseconds,
      sourceBytes: 7,
      targetBytes: 0,
    })),
  );
  stop();
  vi.advanceTimersByTime(60_000);
  expect(told).toHaveLength(4);
  expect(vi.getTimerCount()).toBe(0);
});

test("nobody is told anything, and no timer runs, without an observer", () => {
  narrate(undefined, new RunMeter()).observe({ type: "phase", phase: "push" });
  expect(vi.getTimerCount()).toBe(0);
});
