/** Rows as they lie in Postgres, decoded. */

import type { JobState, RouteCondition, RunningRun, TargetKey, Trigger } from "@gitsync/jobs";
import type { RouteRecord } from "./route-record.ts";
import type { JobRecord } from "./route-store.ts";

/** A row of `gitsync.route`. */
export interface RouteRow {
  readonly id: string;
  readonly target_key: string;
  readonly tenant: string;
  readonly definition: string;
  readonly keep_ms: number;
  readonly expires_at: number | null;
  readonly paused: boolean;
  readonly requested: string | null;
  readonly synced: string | null;
  readonly requested_at: number | null;
  readonly first_unsynced_at: number | null;
  readonly first_since_start: number | null;
  readonly last_started_at: number | null;
  readonly last_success_at: number | null;
  readonly last_error: string | null;
  readonly failures: number;
  readonly not_before: number | null;
  readonly condition: RouteCondition | null;
  readonly starts: number;
  readonly run_id: string | null;
  readonly worker_id: string | null;
  readonly run_job: string | null;
  readonly run_started_at: number | null;
  readonly progress: string | null;
  readonly digest: string | null;
  readonly retired: boolean;
  readonly due_at: number | null;
  readonly look_at: number | null;
  readonly last_change_at: number | null;
  readonly quarantine: string | null;
  readonly approved: string | null;
  readonly told: RouteCondition;
  readonly hosts: string;
}

/** A row of `gitsync.job`, joined with its last report and the progress of its route's run. */
export interface JobRow {
  readonly id: string;
  readonly route: string;
  readonly target_key: string;
  readonly lane: string;
  readonly trigger: Trigger;
  readonly state: JobState;
  readonly attempt: number;
  readonly created_at: number;
  readonly requested_at: number;
  readonly started_at: number | null;
  readonly finished_at: number | null;
  readonly run_id: string | null;
  readonly cancel: boolean;
  readonly report: string | null;
  readonly progress: string | null;
}

export function routeFromRow(row: RouteRow): RouteRecord {
  return {
    definition: JSON.parse(row.definition),
    paused: row.paused,
    requested: row.requested ?? undefined,
    synced: row.synced ?? undefined,
    requestedAt: row.requested_at ?? undefined,
    firstUnsyncedAt: row.first_unsynced_at ?? undefined,
    lastSuccessAt: row.last_success_at ?? undefined,
    lastError: row.last_error === null ? undefined : JSON.parse(row.last_error),
    failuresInARow: row.failures,
    notBefore: row.not_before ?? undefined,
    nextDueAt: row.due_at ?? undefined,
    lastChangeAt: row.last_change_at ?? undefined,
    quarantine: row.quarantine === null ? [] : JSON.parse(row.quarantine),
    condition: row.condition ?? undefined,
    running: running(row),
  };
}

function running(row: RouteRow): RunningRun | undefined {
  if (row.run_id === null) return undefined;
  return {
    runId: row.run_id,
    workerId: row.worker_id ?? "",
    jobId: row.run_job ?? "",
    startedAt: row.run_started_at ?? 0,
    ...(row.progress === null ? {} : { progress: JSON.parse(row.progress) }),
  };
}

export function jobFromRow(row: JobRow): JobRecord {
  return {
    id: row.id,
    route: row.route,
    target: row.target_key as TargetKey,
    lane: row.lane,
    trigger: row.trigger,
    state: row.state,
    attempt: row.attempt,
    createdAt: row.created_at,
    requestedAt: row.requested_at,
    ...(row.started_at === null ? {} : { startedAt: row.started_at }),
    ...(row.finished_at === null ? {} : { finishedAt: row.finished_at }),
    ...(row.report === null ? {} : { report: JSON.parse(row.report) }),
    ...(row.progress === null ? {} : { progress: JSON.parse(row.progress) }),
  };
}
