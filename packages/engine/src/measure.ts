/** Measures this process while a run goes on: for benchmarks and `--measure-memory`. */

import { PerformanceObserver } from "node:perf_hooks";
import { monotonicNow } from "./clock.ts";
import type { Measurement } from "./schema/index.ts";

const SAMPLE_MS = 50;

export interface MeasurementInProgress {
  /** What was measured so far; goes on. */
  read(): Measurement;
  /** Stop sampling; may be called again. */
  stop(): Measurement;
}

/** Start measuring; without `enabled` only the elapsed time is told. */
export function startMeasurement(enabled: boolean): MeasurementInProgress {
  const startMs = monotonicNow();
  const cpu = process.cpuUsage();
  let peakRssBytes = 0;
  let peakHeapBytes = 0;
  let gcCount = 0;
  const sample = (): void => {
    const usage = process.memoryUsage();
    peakRssBytes = Math.max(peakRssBytes, usage.rss);
    peakHeapBytes = Math.max(peakHeapBytes, usage.heapUsed);
  };
  const collections = new PerformanceObserver((list) => {
    gcCount += list.getEntries().length;
  });
  const timer = enabled ? setInterval(sample, SAMPLE_MS).unref() : undefined;
  if (enabled) collections.observe({ entryTypes: ["gc"] });
  const read = (): Measurement => {
    if (enabled) sample();
    const used = process.cpuUsage(cpu);
    return {
      enabled,
      elapsedMillis: Math.round(monotonicNow() - startMs),
      peakRssBytes,
      peakHeapBytes,
      cpuUserMicros: enabled ? used.user : 0,
      cpuSystemMicros: enabled ? used.system : 0,
      gcCount,
    };
  };
  return {
    read,
    stop: () => {
      clearInterval(timer);
      collections.disconnect();
      return read();
    },
  };
}
