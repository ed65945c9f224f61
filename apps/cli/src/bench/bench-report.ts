/** What a benchmark found: each run, and their extremes and means. Pure. */

import type { SyncResult } from "@gitsync/engine";

/** How a run is measured: as a first mirror of everything, or as a sync that moves refs forward. */
export const BENCH_SCENARIOS = ["bootstrap", "sync"] as const;
export type BenchScenario = (typeof BENCH_SCENARIOS)[number];

/** One run into a target of its own. */
export interface BenchRun {
  /** From 0. */
  readonly index: number;
  readonly targetPath: string;
  readonly targetUrl: string;
  /** From the call to its end, with everything that the process does for it. */
  readonly wallMillis: number;
  /** What `git clone --bare` and `git push` took for the same, when that was asked for. */
  readonly gitWallMillis?: number;
  readonly result?: SyncResult;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Least, most and mean. */
export interface Spread {
  readonly min: number;
  readonly max: number;
  readonly avg: number;
}

/** Over the runs that succeeded; zeros when none did. */
export interface BenchAggregate {
  readonly successfulRuns: number;
  readonly failedRuns: number;
  readonly batchedRuns: number;
  readonly wallMillis: Spread;
  readonly syncElapsedMillis: Spread;
  readonly batchCount: Spread;
  readonly plannedBatchCount: Spread;
  readonly maxPeakRssBytes: number;
  readonly maxPeakHeapBytes: number;
  readonly maxGcCount: number;
  /** How packs travelled, each once, in order. */
  readonly transferModes: readonly string[];
  /** Our median time through git's, when both were measured. */
  readonly timeThroughGit?: number;
}

export interface BenchReport {
  readonly scenario: BenchScenario;
  readonly sourceUrl: string;
  readonly repeat: number;
  readonly keepTargets: boolean;
  readonly workDir: string;
  readonly aggregate: BenchAggregate;
  readonly runs: readonly BenchRun[];
}

export function aggregateRuns(runs: readonly BenchRun[]): BenchAggregate {
  const good = runs.flatMap((run) => (run.result === undefined ? [] : [{ ...run, result: run.result }]));
  const batches = good.map(({ result }) => result.execution.batch);
  const measurements = good.map(({ result }) => result.measurement);
  const ours = good.map((run) => run.wallMillis);
  const theirs = good.flatMap((run) => run.gitWallMillis ?? []);
  return {
    successfulRuns: good.length,
    failedRuns: runs.length - good.length,
    batchedRuns: batches.filter(({ enabled }) => enabled).length,
    wallMillis: spread(ours),
    syncElapsedMillis: spread(measurements.map(({ elapsedMillis }) => elapsedMillis)),
    batchCount: spread(batches.map(({ done }) => done)),
    plannedBatchCount: spread(batches.map(({ planned }) => planned)),
    maxPeakRssBytes: Math.max(0, ...measurements.map(({ peakRssBytes }) => peakRssBytes)),
    maxPeakHeapBytes: Math.max(0, ...measurements.map(({ peakHeapBytes }) => peakHeapBytes)),
    maxGcCount: Math.max(0, ...measurements.map(({ gcCount }) => gcCount)),
    transferModes: [...new Set(good.map(({ result }) => result.execution.transferMode))].toSorted(),
    ...(theirs.length === 0 ? {} : { timeThroughGit: median(ours) / median(theirs) }),
  };
}

function spread(values: readonly number[]): Spread {
  if (values.length === 0) return { min: 0, max: 0, avg: 0 };
  const sum = values.reduce((total, value) => total + value, 0);
  return { min: Math.min(...values), max: Math.max(...values), avg: sum / values.length };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = 0, high = 0] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]];
  return (low + high) / 2;
}
