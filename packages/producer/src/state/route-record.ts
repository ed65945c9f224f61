/** What both stores hold of a route, and how it is shown. */

import type { RouteStateName, RouteStatus } from "@gitsync/jobs";

/** The stored facts, decoded: all that is shown but the state, which follows from them. */
export type RouteRecord = Omit<RouteStatus, "state">;

/** A route as it is shown. */
export function routeStatus(record: RouteRecord): RouteStatus {
  return { ...record, state: stateName(record) };
}

function stateName(record: RouteRecord): RouteStateName {
  if (record.paused) return "paused";
  if (record.running !== undefined) return "syncing";
  return record.condition ?? "never-synced";
}
