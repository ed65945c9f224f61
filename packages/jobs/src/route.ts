/** A route: one source and one target that is kept equal to it. Configured, shown, paused and reported as one. */

import type { Endpoint, RefScope, SyncPhase, SyncPolicy, SyncResult } from "@gitsync/engine";
import type { TargetKey } from "./target-key.ts";
import type { Trigger } from "./job.ts";
import type { Interval } from "./schedule.ts";

/** What a route is made of. Holds references to credentials by name, never a secret. */
export interface RouteDefinition {
  /** `mirror/target` of the configuration, or `adhoc-<hash>` for one that a person asked for. */
  readonly id: string;
  readonly source: Endpoint;
  readonly target: Endpoint;
  readonly scope: RefScope;
  readonly policy: SyncPolicy;
  readonly targetKey: TargetKey;
  /** Whose work it is, for fairness. */
  readonly tenant: string;
  readonly sourceCredential?: string;
  readonly targetCredential?: string;
  /** Set for routes that are configured or scheduled: time between two looks at a route that nobody hinted. */
  readonly every?: Interval;
  /** Set for ad-hoc routes: forgotten this many milliseconds after the last hint. */
  readonly keepMs?: number;
}

/** How a route can be. */
export const ROUTE_STATES = [
  "ok",
  "syncing",
  "degraded",
  "failing",
  "unknown",
  "paused",
  "never-synced",
] as const;
export type RouteStateName = (typeof ROUTE_STATES)[number];

/** How the last run that learned something left a route. */
export type RouteCondition = "ok" | "degraded" | "failing" | "unknown";

/** What a run failed with, for people and for dashboards. */
export interface RouteError {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

/** The run that is under way. */
export interface RunningRun {
  readonly runId: string;
  readonly workerId: string;
  /** The oldest job that this run answers. */
  readonly jobId: string;
  readonly startedAt: number;
  readonly progress?: RunProgress;
}

/** How far a run is, as its worker said last. */
export interface RunProgress {
  readonly phase: SyncPhase;
  /** Pack bytes that came from the source and went to the target so far. */
  readonly sourceBytes: number;
  readonly targetBytes: number;
  readonly bytesPerSecond: number;
}

/** What is known of a route. Times are milliseconds of the state store's clock. */
export interface RouteStatus {
  readonly definition: RouteDefinition;
  readonly state: RouteStateName;
  /** `undefined` before the first run; the state says the same unless the route runs or is paused. */
  readonly condition: RouteCondition | undefined;
  /** Set while a run is under way; `paused` wins over it in `state`. */
  readonly running: RunningRun | undefined;
  readonly paused: boolean;
  /** Random token of the newest hint, and of the hint that the last verified run had seen. Dirty = they differ. */
  readonly requested: string | undefined;
  readonly synced: string | undefined;
  readonly requestedAt: number | undefined;
  /** When the oldest hint that is not synced yet came in; lag is measured from here. */
  readonly firstUnsyncedAt: number | undefined;
  readonly lastSuccessAt: number | undefined;
  readonly lastError: RouteError | undefined;
  readonly failuresInARow: number;
  /** No run before this time; a new hint clears it, unless a host asked to wait. */
  readonly notBefore: number | undefined;
  /** When it is looked at although nobody hints it; `undefined` for ad-hoc routes. */
  readonly nextDueAt: number | undefined;
  /** When a run last changed the target. */
  readonly lastChangeAt: number | undefined;
  /** Refs that are left out because the target refuses them. */
  readonly quarantine: readonly QuarantinedRef[];
}

/** A ref that the target refused by a rule of its own, left out of runs until its value changes or `until` has passed. */
export interface QuarantinedRef {
  readonly targetRef: string;
  /** The value that was refused. */
  readonly sourceHash: string;
  /** Stable, kebab-case: `hidden-ref`, `hook-declined`. */
  readonly code: string;
  readonly reason: string;
  readonly since: number;
  readonly until: number;
}

/** One hint that asked for a run, so that its trace can be linked. */
export interface Hint {
  readonly at: number;
  readonly trigger: Trigger;
  /** W3C trace context of the request that gave the hint. */
  readonly traceparent?: string;
}

/** How a run can end. */
export const RUN_OUTCOMES = [
  "converged",
  "degraded",
  "transient",
  "rate-limited",
  "permanent",
  "unknown",
  "cancelled",
  "released",
] as const;
export type RunOutcome = (typeof RUN_OUTCOMES)[number];

/** What is kept of a run: counts and at most {@link MAX_REPORT_REFS} noteworthy refs. */
export interface RunReport {
  readonly runId: string;
  readonly jobId: string;
  readonly route: string;
  readonly attempt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly outcome: RunOutcome;
  /** False when the same job goes on: another attempt follows, or the run was released to another worker. */
  readonly final: boolean;
  /** Who gave the hints that this run answers; absent when it was cancelled before it ran. */
  readonly triggers?: readonly Trigger[];
  readonly error?: RouteError;
  /** Absent when the run failed before anything was planned. */
  readonly result?: SyncResult;
  readonly traceId?: string;
}

/** Refs that a kept or logged report holds at most. */
export const MAX_REPORT_REFS = 200;

/** Reports that are kept of each route. */
export const MAX_REPORTS = 50;

/** Milliseconds that an ad-hoc route is kept: a week. */
export const ADHOC_KEEP_MS = 7 * 24 * 60 * 60 * 1000;
