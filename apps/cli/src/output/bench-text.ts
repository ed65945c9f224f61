/** A benchmark as text: one line per run, and what they have in common. */

import type { BenchReport, BenchRun } from "../bench/bench-report.ts";
import { formatBytes } from "./result-text.ts";

export function benchText({ scenario, runs, aggregate, workDir, keepTargets }: BenchReport): string {
  const { wallMillis, successfulRuns, failedRuns, timeThroughGit } = aggregate;
  const facts = [
    `${seconds(wallMillis.min)} to ${seconds(wallMillis.max)}, ${seconds(wallMillis.avg)} on average`,
    `peak ${formatBytes(aggregate.maxPeakRssBytes)}`,
    ...aggregate.transferModes,
    ...(timeThroughGit === undefined ? [] : [`${timeThroughGit.toFixed(2)} of git's time`]),
  ];
  const good = successfulRuns === 0 ? "" : ` (${facts.join(", ")})`;
  return [
    ...runs.map(runLine),
    `${scenario}: ${successfulRuns} of ${successfulRuns + failedRuns} runs succeeded${good}`,
    ...(keepTargets ? [`targets: ${workDir}`] : []),
    "",
  ].join("\n");
}

function runLine({ index, wallMillis, gitWallMillis, result, error }: BenchRun): string {
  const start = `run ${index + 1}  ${seconds(wallMillis)}`;
  if (error !== undefined) return `${start}  failed: ${error.message} [${error.code}]`;
  const batch = result?.execution.batch;
  return [
    start,
    ...(gitWallMillis === undefined ? [] : [`git ${seconds(gitWallMillis)}`]),
    ...(result === undefined ? [] : [`peak ${formatBytes(result.measurement.peakRssBytes)}`]),
    ...(batch?.enabled === true ? [`${batch.done} batches`] : []),
  ].join("  ");
}

function seconds(millis: number): string {
  return `${(millis / 1_000).toFixed(2)} s`;
}
