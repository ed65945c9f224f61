/** What a suite of the fleet runs on: one store for all of its tests, and the state in it under a clock of theirs. */

import type { RouteDefinition, RunReport } from "@gitsync/jobs";
import {
  newId,
  openFleetStore,
  openRouteStore,
  type FleetStore,
  type NextRun,
  type RouteStore,
  type RunEnd,
  type RunStart,
} from "@gitsync/producer";
import { afterAll, beforeAll, beforeEach } from "vitest";
import type { Backend, BackendKind } from "./backends.ts";
import { convergedResult } from "./routes.ts";

export interface SuiteStore {
  /** Open while the suite's tests run. */
  readonly backend: Backend;
}

/** Call where a suite is defined. */
export function storeOfSuite(kind: BackendKind): SuiteStore {
  let backend: Backend | undefined;
  beforeAll(async () => {
    backend = await kind.open();
  });
  afterAll(async () => {
    await backend?.[Symbol.asyncDispose]();
  });
  return {
    get backend() {
      if (backend === undefined) throw new Error("the store is open only while tests run");
      return backend;
    },
  };
}

export type StartedRun = Extract<NextRun, { readonly type: "run" }> & { readonly runId: string };

/** The lane that jobs of these suites are said to be in. */
export const LANE = "sync.target.test";

/** The state of routes and processes, emptied before each test. */
export interface SuiteState extends SuiteStore {
  readonly routes: RouteStore;
  readonly fleet: FleetStore;
  /** Milliseconds since 1970, by the clock of both; a test moves it. */
  time: number;
  /** Start the run of a route's target by a worker that knows the route. Throws when there is none to start. */
  start(route: RouteDefinition, facts?: Partial<RunStart>): Promise<StartedRun>;
  /** End it: well, unless told otherwise. */
  finish(run: StartedRun, end?: Partial<RunEnd>, facts?: Partial<RunReport>): Promise<boolean>;
}

/** Call where a suite is defined. */
export function stateOfSuite(kind: BackendKind): SuiteState {
  const store = storeOfSuite(kind);
  let opened: Pick<SuiteState, "routes" | "fleet"> | undefined;
  const open = (): Pick<SuiteState, "routes" | "fleet"> => {
    if (opened === undefined) throw new Error("the state is open only while tests run");
    return opened;
  };
  beforeEach(async () => {
    state.time = Date.now();
    const clock = { clock: () => state.time };
    const { store: queue } = store.backend;
    opened = { routes: await openRouteStore(queue, clock), fleet: await openFleetStore(queue, clock) };
    await store.backend.reset();
  });
  const state: SuiteState = {
    time: 0,
    get backend() {
      return store.backend;
    },
    get routes() {
      return open().routes;
    },
    get fleet() {
      return open().fleet;
    },
    start: async (route, facts = {}) => {
      const runId = facts.runId ?? newId();
      const asked = { runId, workerId: "w1", attempt: 1, skip: [], known: [route.id], ...facts };
      const run = await state.routes.startRun(route.targetKey, asked);
      if (run.type !== "run") throw new Error("nothing to run");
      return { ...run, runId };
    },
    finish: async (run, end = {}, facts = {}) => {
      const report: RunReport = {
        runId: run.runId,
        jobId: run.jobIds[0] ?? "none",
        route: run.route.id,
        attempt: 1,
        startedAt: run.startedAt,
        finishedAt: state.time,
        outcome: "converged",
        final: true,
        result: convergedResult(),
        ...facts,
      };
      const settles = end.failures === undefined ? { synced: run.requested } : {};
      const done: RunEnd = { condition: "ok", failures: "reset", jobState: "completed" };
      return await state.routes.finishRun(report, { ...done, ...settles, ...end });
    },
  };
  return state;
}
