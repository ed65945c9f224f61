/** Routes and hints as the suites of the route store need them. */

import type { RouteDefinition } from "@gitsync/jobs";
import { newId, type HintReceipt, type NextRun } from "@gitsync/producer";
import { someRoute } from "./routes.ts";
import { LANE, type SuiteState } from "./suite-store.ts";

export interface StoredRoutes {
  readonly stored: (facts?: Partial<RouteDefinition>) => Promise<RouteDefinition>;
  readonly hint: (route: RouteDefinition, traceparent?: string) => Promise<HintReceipt>;
  /** What is found for a route of which no run is to be started. */
  readonly idle: (route: RouteDefinition, skip?: readonly string[]) => Promise<NextRun>;
}

export function storedRoutes(on: SuiteState): StoredRoutes {
  return {
    stored: async (facts) => {
      const route = someRoute(facts);
      await on.routes.put(route);
      return route;
    },
    hint: async (route, traceparent) => {
      const receipt = await on.routes.hint(route.id, {
        jobId: newId(),
        lane: LANE,
        trigger: "webhook",
        ...(traceparent === undefined ? {} : { traceparent }),
      });
      if (receipt === undefined) throw new Error("the route is not stored");
      return receipt;
    },
    idle: (route, skip = []) =>
      on.routes.startRun(route.targetKey, { runId: newId(), workerId: "w1", attempt: 1, skip }),
  };
}
