/** The fleet's gauges, read from the state: the same whoever reads them. */

import type { RouteStatus } from "@gitsync/jobs";
import type { FleetFigures } from "@gitsync/runtime";
import type { FleetStore } from "./state/fleet-store.ts";
import type { RouteStore } from "./state/route-store.ts";

/** States of jobs that are not over. */
const OPEN = ["waiting", "delayed", "active"] as const;

/** Read everything once; a fleet of thousands of routes takes a few dozen pages. */
export async function readFleetFigures(
  routes: RouteStore,
  fleet: FleetStore,
): Promise<Required<FleetFigures>> {
  const [now, counts, hosts, all] = await Promise.all([
    routes.now(),
    routes.jobCounts(),
    fleet.hostsInFlight(),
    allRoutes(routes),
  ]);
  const states = Map.groupBy(all, ({ state }) => state);
  return {
    git_sync_queue_depth: OPEN.map((state) => ({ labels: { state }, value: counts[state] })),
    git_sync_mirrors: [...states].map(([state, members]) => ({ labels: { state }, value: members.length })),
    git_sync_mirror_lag_seconds: all.map((status) => ({
      labels: { route: status.definition.id },
      value: lagMs(status, now) / 1_000,
    })),
    git_sync_mirror_last_success_timestamp_seconds: all.flatMap(({ definition, lastSuccessAt }) =>
      lastSuccessAt === undefined ? [] : [{ labels: { route: definition.id }, value: lastSuccessAt / 1_000 }],
    ),
    git_sync_host_in_flight: [...hosts].map(([host, value]) => ({ labels: { host }, value })),
  };
}

async function allRoutes(routes: RouteStore): Promise<readonly RouteStatus[]> {
  const all: RouteStatus[] = [];
  let cursor: string | undefined;
  do {
    const page = await routes.routes({ limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    all.push(...page.routes);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return all;
}

function lagMs({ requested, synced, firstUnsyncedAt }: RouteStatus, now: number): number {
  return requested === synced || firstUnsyncedAt === undefined ? 0 : Math.max(0, now - firstUnsyncedAt);
}
