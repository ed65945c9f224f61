/** What both stores hold of a route, and how it is shown. */

import type {
  QuarantinedRef,
  RouteCondition,
  RouteDefinition,
  RouteError,
  RouteStateName,
  RouteStatus,
  RunningRun,
} from "@gitsync/jobs";

/** The stored facts, decoded. */
export interface RouteRecord {
  readonly definition: RouteDefinition;
  readonly paused: boolean;
  readonly requested: string | undefined;
  readonly synced: string | undefined;
  readonly requestedAt: number | undefined;
  readonly firstUnsyncedAt: number | undefined;
  readonly lastSuccessAt: number | undefined;
  readonly lastError: RouteError | undefined;
  readonly failuresInARow: number;
  readonly notBefore: number | undefined;
  readonly nextDueAt: number | undefined;
  readonly lastChangeAt: number | undefined;
  readonly quarantine: readonly QuarantinedRef[];
  /** How the last run that learned something left it. */
  readonly condition: RouteCondition | undefined;
  readonly running: RunningRun | undefined;
}

/** A route as it is shown. */
export function routeStatus(record: RouteRecord): RouteStatus {
  return { ...record, state: stateName(record) };
}

function stateName(record: RouteRecord): RouteStateName {
  if (record.paused) return "paused";
  if (record.running !== undefined) return "syncing";
  return record.condition ?? "never-synced";
}
