/** Opens a producer: hints go to the route store first, then to the queue. */

import { nextDueAt, type RouteStatus, type RunReport } from "@gitsync/jobs";
import {
  createQueueTelemetry,
  createSilentLogger,
  openQueueStore,
  parseQueueUrl,
  type Logger,
  type OpenQueueStoreOptions,
  type QueueStore,
  type QueueUrl,
} from "@gitsync/runtime";
import { adhocRoute, isScheduled, scheduledRoute } from "./adhoc-route.ts";
import { Deadline, ENQUEUE_MS } from "./deadline.ts";
import { addJob, giveHint, type HintRequest, type HintWay } from "./give-hint.ts";
import { jobView } from "./job-view.ts";
import { Lanes } from "./lanes.ts";
import type {
  EnqueuedSync,
  EnqueueRequest,
  EnqueueRouteOptions,
  JobView,
  JobViewPage,
  Producer,
  ScheduleRequest,
  WaitOptions,
} from "./producer.ts";
import type { Moment } from "./mirror-view.ts";
import { ProducerError } from "./producer-error.ts";
import { openFleetStore, openRouteStore } from "./state/open-state.ts";
import type { FleetStore } from "./state/fleet-store.ts";
import type { JobQuery, RouteStore } from "./state/route-store.ts";
import { waitForRun } from "./wait-for-run.ts";

export type ProducerOptions =
  | {
      /** `embedded:[DIR]`, `redis://…`, `rediss://…` or `postgres://…`. The store is opened here and closed with the producer. */
      readonly queueUrl: string | QueueUrl;
      readonly logger?: Logger;
      /** Default: OpenTelemetry's global tracer, which does nothing unless an SDK was started. */
      readonly telemetry?: OpenQueueStoreOptions["telemetry"];
    }
  | {
      /** A store that somebody else opened and closes. */
      readonly store: QueueStore;
      readonly routes?: RouteStore;
      readonly logger?: Logger;
    };

/**
 * Connect to a queue.
 *
 * @throws {RuntimeError} of `@gitsync/runtime` when the store cannot be opened.
 */
export async function createProducer(options: ProducerOptions): Promise<Producer> {
  const logger = options.logger ?? createSilentLogger();
  if ("store" in options) {
    const routes = options.routes ?? (await openRouteStore(options.store));
    return new QueueProducer(options.store, routes, logger, async () => undefined);
  }
  const { queueUrl, telemetry = createQueueTelemetry() } = options;
  const url = typeof queueUrl === "string" ? parseQueueUrl(queueUrl, {}) : queueUrl;
  const store = await openQueueStore(url, { logger, role: "producer", telemetry });
  return new QueueProducer(store, await openRouteStore(store), logger, async () => store.close());
}

class QueueProducer implements Producer {
  readonly routes: RouteStore;
  readonly #lanes: Lanes;
  readonly #way: HintWay;
  readonly #store: QueueStore;
  readonly #closeStore: () => Promise<void>;
  #fleet: Promise<FleetStore> | undefined;

  constructor(store: QueueStore, routes: RouteStore, logger: Logger, closeStore: () => Promise<void>) {
    this.routes = routes;
    this.#store = store;
    this.#lanes = new Lanes(store);
    this.#way = { store, routes, lanes: this.#lanes, logger };
    this.#closeStore = closeStore;
  }

  async enqueueSync(request: EnqueueRequest): Promise<EnqueuedSync> {
    const route = adhocRoute(request);
    const deadline = new Deadline(ENQUEUE_MS);
    await deadline.within(this.routes.put(route));
    const { id, targetKey: target } = route;
    return await this.#hint({ route: id, target, trigger: request.trigger ?? "person" }, deadline);
  }

  async enqueueRoute(id: string, options: EnqueueRouteOptions = {}): Promise<EnqueuedSync> {
    const { trigger = "person", delivery, withinMs = ENQUEUE_MS } = options;
    const deadline = new Deadline(withinMs);
    const route = await deadline.within(this.routes.route(id));
    if (route === undefined) throw noRoute(id);
    const target = route.definition.targetKey;
    return await this.#hint(
      { route: id, target, trigger, ...(delivery === undefined ? {} : { delivery }) },
      deadline,
    );
  }

  async schedule(request: ScheduleRequest): Promise<EnqueuedSync> {
    const route = scheduledRoute(request);
    const { id, targetKey: target, every } = route;
    const deadline = new Deadline(ENQUEUE_MS);
    await deadline.within(this.routes.put(route));
    const now = await deadline.within(this.routes.now());
    const due = nextDueAt(id, every, { now, lastChangeAt: undefined, random: Math.random() });
    return await this.#hint({ route: id, target, trigger: "backfill", nextDueAt: due }, deadline);
  }

  async unschedule(route: string): Promise<void> {
    if (!isScheduled(route) || (await this.route(route)) === undefined) throw noRoute(route);
    await this.#ask(this.routes.retire([route]));
  }

  async #hint(request: HintRequest, deadline: Deadline): Promise<EnqueuedSync> {
    const given = await giveHint(this.#way, request, deadline);
    if (given === undefined) throw noRoute(request.route);
    return given;
  }

  async job(id: string): Promise<JobView | undefined> {
    const job = await this.#ask(this.routes.job(id));
    return job && jobView(job);
  }

  async jobs(query: JobQuery = {}): Promise<JobViewPage> {
    const { jobs, cursor } = await this.#ask(this.routes.jobs(query));
    return { jobs: jobs.map(jobView), ...(cursor === undefined ? {} : { cursor }) };
  }

  async cancel(id: string): Promise<JobView> {
    await this.#ask(this.routes.cancelJob(id));
    const job = await this.job(id);
    if (job === undefined) throw noJob(id);
    return job;
  }

  async retry(id: string): Promise<EnqueuedSync> {
    const job = await this.#ask(this.routes.job(id));
    if (job === undefined) throw noJob(id);
    return await this.enqueueRoute(job.route, { trigger: "person" });
  }

  async pause(route: string): Promise<RouteStatus> {
    return await this.#setPaused(route, true);
  }

  async resume(route: string): Promise<RouteStatus> {
    const status = await this.#setPaused(route, false);
    if (status.requested !== status.synced) {
      const target = status.definition.targetKey;
      await addJob(this.#way, { target, trigger: "person", tenantPending: 0 }, new Deadline(ENQUEUE_MS));
    }
    return status;
  }

  async approve(route: string, plan: string): Promise<EnqueuedSync> {
    const reports = await this.#ask(this.routes.reports(route));
    const last = reports.find((report) => report.result !== undefined);
    const blocked = last?.result?.execution.blockedPlan;
    if (blocked !== plan) {
      const named = blocked === undefined ? "no plan was blocked" : `the last run named ${blocked}`;
      throw new ProducerError("PLAN_OUTDATED", `Cannot approve ${plan} for ${route}: ${named}`, { route });
    }
    if (!(await this.#ask(this.routes.approve(route, plan)))) throw noRoute(route);
    return await this.enqueueRoute(route);
  }

  async #setPaused(route: string, paused: boolean): Promise<RouteStatus> {
    await this.#ask(this.routes.setPaused(route, paused));
    const status = await this.route(route);
    if (status === undefined) throw noRoute(route);
    return status;
  }

  async moment(): Promise<Moment> {
    this.#fleet ??= openFleetStore(this.#store).catch((error: unknown) => {
      this.#fleet = undefined;
      throw error;
    });
    const fleet = await this.#ask(this.#fleet);
    const [now, blocks] = await this.#ask(Promise.all([this.routes.now(), fleet.hostBlocks()]));
    return { now, blocks };
  }

  async route(id: string): Promise<RouteStatus | undefined> {
    return await this.#ask(this.routes.route(id));
  }

  async *allRoutes(): AsyncIterable<RouteStatus> {
    let cursor: string | undefined;
    do {
      const page = await this.#ask(
        this.routes.routes({ limit: 200, ...(cursor === undefined ? {} : { cursor }) }),
      );
      yield* page.routes;
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  async waitForRun(route: string, requestedAt: number, options: WaitOptions = {}): Promise<RunReport> {
    return await waitForRun(this.routes, route, requestedAt, options);
  }

  async close(): Promise<void> {
    await new Deadline(ENQUEUE_MS).within(this.#lanes.close()).catch(() => undefined);
    await this.#closeStore();
  }

  async #ask<T>(answer: Promise<T>): Promise<T> {
    return await new Deadline(ENQUEUE_MS).within(answer);
  }
}

function noRoute(route: string): ProducerError {
  return new ProducerError("ROUTE_NOT_FOUND", `No route ${route}`, { route });
}

function noJob(id: string): ProducerError {
  return new ProducerError("JOB_NOT_FOUND", `No job ${id}`, { job: id });
}
