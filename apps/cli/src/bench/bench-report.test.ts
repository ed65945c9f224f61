import { expect, test } from "vitest";
import type { SyncResult } from "@gitsync/engine";
import { aggregateRuns, type BenchRun } from "./bench-report.ts";

const run = (index: number, wallMillis: number, more: Partial<BenchRun> = {}): BenchRun => ({
  index,
  targetPath: `/t/${index}.git`,
  targetUrl: `file:///t/${index}.git`,
  wallMillis,
  ...more,
});

function result(batches: number, peakRssBytes: number): SyncResult {
  return {
    refs: [],
    counts: { applied: 0, skipped: 0, blocked: 0, deleted: 0, warned: 0, refused: 0, unknown: 0 },
    execution: {
      dryRun: false,
      protocol: "v2",
      operationMode: "replicate",
      relay: true,
      transferMode: batches > 0 ? "batched" : "relay",
      reason: "",
      bootstrapSuggested: false,
      converged: true,
      batch: { enabled: batches > 0, planned: batches, done: batches },
    },
    stats: { enabled: false, items: {}, sides: [], elapsedNanos: 0 },
    measurement: {
      enabled: true,
      elapsedMillis: 10,
      peakRssBytes,
      peakHeapBytes: 1,
      cpuUserMicros: 0,
      cpuSystemMicros: 0,
      gcCount: 2,
    },
  };
}

test("a failed run counts as one, and its time for nothing", () => {
  const error = { code: "REMOTE_UNREACHABLE", message: "no" };
  const aggregate = aggregateRuns([run(0, 100, { result: result(0, 5) }), run(1, 9_000, { error })]);
  expect(aggregate).toMatchObject({
    successfulRuns: 1,
    failedRuns: 1,
    wallMillis: { min: 100, max: 100, avg: 100 },
  });
  expect(aggregate).not.toHaveProperty("timeThroughGit");
});

test("extremes, means and modes are of all good runs", () => {
  const runs = [
    run(0, 100, { result: result(0, 7), gitWallMillis: 400 }),
    run(1, 300, { result: result(4, 5), gitWallMillis: 200 }),
  ];
  expect(aggregateRuns(runs)).toEqual({
    successfulRuns: 2,
    failedRuns: 0,
    batchedRuns: 1,
    wallMillis: { min: 100, max: 300, avg: 200 },
    syncElapsedMillis: { min: 10, max: 10, avg: 10 },
    batchCount: { min: 0, max: 4, avg: 2 },
    plannedBatchCount: { min: 0, max: 4, avg: 2 },
    maxPeakRssBytes: 7,
    maxPeakHeapBytes: 1,
    maxGcCount: 2,
    transferModes: ["batched", "relay"],
    timeThroughGit: 200 / 300,
  });
});

test("no good run leaves zeros, no infinities", () => {
  expect(aggregateRuns([])).toMatchObject({ wallMillis: { min: 0, max: 0, avg: 0 }, maxPeakRssBytes: 0 });
});
