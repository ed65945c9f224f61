import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { QuietCollector } from "./quiet-collector.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("memory is given back once after ten seconds in which nothing happened", () => {
  const heap = { shrink: vi.fn<() => void>(), grow: vi.fn<() => void>() };
  const collector = new QuietCollector(heap);
  for (let n = 0; n < 5; n += 1) {
    vi.advanceTimersByTime(9_999);
    collector.touch();
  }
  expect(heap.shrink).not.toHaveBeenCalled();
  vi.advanceTimersByTime(10_000);
  expect(heap.shrink).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(3_600_000);
  expect(heap.shrink).toHaveBeenCalledOnce();
});

test("what happens every now and then brings it about once a minute at most", () => {
  const heap = { shrink: vi.fn<() => void>(), grow: vi.fn<() => void>() };
  const collector = new QuietCollector(heap);
  vi.advanceTimersByTime(10_000);
  expect(heap.grow).not.toHaveBeenCalled();
  collector.touch();
  expect(heap.grow).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(59_999);
  expect(heap.shrink).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(1);
  expect(heap.shrink).toHaveBeenCalledTimes(2);
});

test("a process that ends gives nothing back any more", () => {
  const heap = { shrink: vi.fn<() => void>(), grow: vi.fn<() => void>() };
  new QuietCollector(heap).close();
  vi.advanceTimersByTime(60_000);
  expect(heap.shrink).not.toHaveBeenCalled();
});

test("V8 lets everything go that nobody holds", () => {
  vi.useRealTimers();
  let garbage: unknown[] | undefined = Array.from({ length: 300_000 }, (_, n) => ({ n }));
  const before = process.memoryUsage().heapUsed;
  expect(garbage).toHaveLength(300_000);
  garbage = undefined;
  vi.useFakeTimers();
  const collector = new QuietCollector();
  vi.advanceTimersByTime(10_000);
  collector.touch();
  collector.close();
  expect(before - process.memoryUsage().heapUsed).toBeGreaterThan(5_000_000);
});
