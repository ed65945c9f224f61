/** Opens the state that lies beside a queue. */

import type { QueueStore } from "@gitsync/runtime";
import { migrate } from "./postgres-schema.ts";
import { PostgresRouteStore } from "./postgres-route-store.ts";
import { PostgresFleetStore } from "./postgres-fleet-store.ts";
import { RedisFleetStore } from "./redis-fleet-store.ts";
import { RedisRouteStore } from "./redis-route-store.ts";
import { ScriptRunner } from "./redis-script-runner.ts";
import type { FleetStore } from "./fleet-store.ts";
import type { RouteStore } from "./route-store.ts";

export interface RouteStoreOptions {
  /** Replaces the store's own clock: milliseconds since 1970. For tests of what time does. */
  readonly clock?: () => number;
}

/** The state of routes and jobs in a queue's own store. It lives as long as that store; nothing to close. */
export async function openRouteStore(
  store: QueueStore,
  options: RouteStoreOptions = {},
): Promise<RouteStore> {
  if (store.kind === "redis") {
    return new RedisRouteStore(new ScriptRunner(store.redis, store.prefix, options.clock));
  }
  await migrate(store.pool);
  return new PostgresRouteStore(store.pool, options.clock);
}

/** The state of the fleet's processes in a queue's own store. Nothing to close. */
export async function openFleetStore(
  store: QueueStore,
  options: RouteStoreOptions = {},
): Promise<FleetStore> {
  if (store.kind === "redis") {
    return new RedisFleetStore(new ScriptRunner(store.redis, store.prefix, options.clock));
  }
  await migrate(store.pool);
  return new PostgresFleetStore(store.pool, options.clock);
}
