import { expect, test, vi } from "vitest";
import { PackProgress } from "./meter.ts";
import { useFakeClock } from "./testing/fake-clock.ts";

useFakeClock();

test("a rate is that of the last three seconds, so that a standstill shows", () => {
  const rates: number[] = [];
  const progress = new PackProgress("source", (event) => {
    if (event.type === "progress") rates.push(event.bytesPerSecond);
  });
  for (let at = 0; at < 40; at += 1) {
    vi.advanceTimersByTime(250);
    progress.add(250_000);
  }
  expect(rates.slice(1)).toEqual(Array.from({ length: 39 }, () => 1_000_000));
  vi.advanceTimersByTime(10_000);
  progress.add(1_000);
  expect(rates.at(-1)).toBe(100);
  progress.finish();
  expect(progress.bytes).toBe(40 * 250_000 + 1_000);
});

test("an observer is told at once that bytes come, then at most four times a second", () => {
  const told: number[] = [];
  const progress = new PackProgress("target", (event) => {
    if (event.type === "progress") told.push(event.bytes);
  });
  progress.add(1);
  for (let at = 0; at < 1_000; at += 1) {
    vi.advanceTimersByTime(1);
    progress.add(1);
  }
  expect(told).toEqual([1, 251, 501, 751, 1_001]);
});
