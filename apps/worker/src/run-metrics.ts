/** Counts what a run did. */

import { hostOf, type RouteDefinition, type RunReport, type SyncResult } from "@gitsync/jobs";
import type { NextRun } from "@gitsync/producer";
import type { Metrics } from "@gitsync/runtime";
import type { PackBytes } from "./run-progress.ts";

export interface CountedRun {
  readonly run: Extract<NextRun, { readonly type: "run" }>;
  readonly report: RunReport;
  /** Whole, unlike the one that is kept in the report. */
  readonly result: SyncResult | undefined;
  readonly pack: PackBytes;
  /** The side that the run failed at, when it says so. */
  readonly failedAt: "source" | "target" | undefined;
  /** Whether somebody was expected to say that the source changed. */
  readonly expectsHints: boolean;
}

/** Count a run that is recorded. */
export function countRun(metrics: Metrics, counted: CountedRun): void {
  const { run, report, result, pack, expectsHints } = counted;
  const { outcome } = report;
  metrics.add("git_sync_jobs_total", 1, { outcome });
  metrics.record("git_sync_job_duration_seconds", seconds(report.finishedAt - report.startedAt), { outcome });
  const [oldest] = run.hints;
  if (oldest !== undefined) {
    const waited = Math.max(0, report.startedAt - oldest.at);
    metrics.record("git_sync_queue_wait_seconds", seconds(waited), { trigger: oldest.trigger });
  }
  for (const side of ["source", "target"] as const) {
    if (pack[side] > 0) metrics.add("git_sync_pack_bytes_total", pack[side], { side });
  }
  const applied = result?.refs.filter((ref) => ref.outcome === "applied") ?? [];
  for (const { action } of applied) metrics.add("git_sync_refs_total", 1, { action });
  countRequests(metrics, run.route, counted);
  const isMissed = expectsHints && applied.length > 0 && run.hints.length > 0;
  if (isMissed && run.hints.every(({ trigger }) => trigger === "schedule")) {
    metrics.add("git_sync_missed_hints_total", 1, {});
  }
}

function countRequests(metrics: Metrics, route: RouteDefinition, { report, failedAt }: CountedRun): void {
  const status = report.error?.code ?? "ok";
  const count = (side: "source" | "target", requests: number): void => {
    if (requests === 0) return;
    metrics.add("git_sync_remote_requests_total", requests, { side, host: hostOf(route[side].url), status });
  };
  for (const { name, requests } of Object.values(report.result?.stats.items ?? {})) {
    count(name.startsWith("source") ? "source" : "target", requests);
  }
  // What failed before there was a plan has no figures; the request that failed is one all the same.
  if (report.result === undefined && failedAt !== undefined) count(failedAt, 1);
}

function seconds(ms: number): number {
  return ms / 1_000;
}
