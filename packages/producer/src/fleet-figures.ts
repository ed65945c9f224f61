/** The fleet's gauges, read from the state: the same whoever reads them. */

import type { RouteStatus } from "@gitsync/jobs";
import type { FleetFigures } from "@gitsync/runtime";
import { Deadline, ENQUEUE_MS } from "./deadline.ts";
import type { FleetStore } from "./state/fleet-store.ts";
import type { RouteStore } from "./state/route-store.ts";

/** States of jobs that are not over. */
const OPEN = ["waiting", "delayed", "active"] as const;

/**
 * Read everything once; a fleet of thousands of routes takes a few dozen pages.
 *
 * @throws {ProducerError} `QUEUE_UNAVAILABLE` when the store does not answer a question in time.
 */
export async function readFleetFigures(
  routes: RouteStore,
  fleet: FleetStore,
): Promise<Required<FleetFigures>> {
  const [now, counts, hosts, all] = await Promise.all([
    soon(routes.now()),
    soon(routes.jobCounts()),
    soon(fleet.hostsInFlight()),
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
    const page = await soon(routes.routes({ limit: 200, ...(cursor === undefined ? {} : { cursor }) }));
    all.push(...page.routes);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return all;
}

async function soon<T>(answer: Promise<T>): Promise<T> {
  return await new Deadline(ENQUEUE_MS).within(answer);
}

function lagMs({ requested, synced, firstUnsyncedAt }: RouteStatus, now: number): number {
  return requested === synced || firstUnsyncedAt === undefined ? 0 : Math.max(0, now - firstUnsyncedAt);
}
