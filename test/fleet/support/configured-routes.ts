/** Configured routes, and what the schedule does to them, as the suites of the schedule need them. */

import type { RouteDefinition } from "@gitsync/jobs";
import { newId, type HintReceipt, type NewHint } from "@gitsync/producer";
import { someRoute } from "./routes.ts";
import { LANE, type SuiteState } from "./suite-store.ts";

export const MINUTE = 60_000;
export const EVERY: number = 15 * MINUTE;
export const DAY: number = 24 * 60 * MINUTE;

export interface ConfiguredRoutes {
  /** A route that is due every quarter of an hour. */
  readonly configured: (facts?: Partial<RouteDefinition>) => Promise<RouteDefinition>;
  readonly hint: (route: RouteDefinition, facts?: Partial<NewHint>) => Promise<HintReceipt | undefined>;
  /** The routes that the sweep is told of now. */
  readonly wakingIds: (limit?: number) => Promise<readonly string[]>;
}

export function configuredRoutes(on: SuiteState): ConfiguredRoutes {
  return {
    configured: async (facts = {}) => {
      const route = someRoute({ every: EVERY, ...facts });
      await on.routes.put(route);
      return route;
    },
    hint: (route, facts = {}) =>
      on.routes.hint(route.id, { jobId: newId(), lane: LANE, trigger: "schedule", ...facts }),
    wakingIds: async (limit = 100) => (await on.routes.takeWaking(limit)).map((route) => route.id),
  };
}
