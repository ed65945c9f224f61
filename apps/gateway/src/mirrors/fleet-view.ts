/** The mirrors of the configuration and of the store, as one: looked at, hinted, paused. */

import type { RouteDefinition, RouteStatus, RunReport, Trigger } from "@gitsync/jobs";
import {
  isProducerError,
  mirrorIdOf,
  mirrorViews,
  unstoredRoute,
  type EnqueuedSync,
  type MirrorView,
  type Producer,
} from "@gitsync/producer";
import type { FleetConfig } from "@gitsync/runtime";
import { ConfiguredMirrors } from "./configured-mirrors.ts";

/** Many look at the whole fleet at once, and a dashboard every other second: one look serves them all. */
const KEPT_MS = 1_000;

export interface FleetViewOptions {
  readonly producer: Producer;
  /** The configuration that is in force now. */
  readonly config: () => FleetConfig;
}

interface LookedAt {
  readonly views: Promise<readonly MirrorView[]>;
  /** Of the monotonic clock; without end while the look is under way. */
  until: number;
}

export class FleetView {
  readonly #producer: Producer;
  readonly #config: () => FleetConfig;
  #indexed: { readonly config: FleetConfig; readonly mirrors: ConfiguredMirrors } | undefined;
  #all: LookedAt | undefined;

  constructor({ producer, config }: FleetViewOptions) {
    this.#producer = producer;
    this.#config = config;
  }

  /** What is configured now. */
  configured(): ConfiguredMirrors {
    const config = this.#config();
    if (this.#indexed?.config !== config) this.#indexed = { config, mirrors: new ConfiguredMirrors(config) };
    return this.#indexed.mirrors;
  }

  /** Where the configuration says that traces are shown. */
  get traceUrlTemplate(): string | null {
    return this.#config().traceUrlTemplate;
  }

  /** Every mirror, in order of their ids; up to a second older than its look, of which there is one at a time. */
  async all(): Promise<readonly MirrorView[]> {
    if (this.#all !== undefined && performance.now() < this.#all.until) return await this.#all.views;
    const all: LookedAt = { views: this.#look(), until: Infinity };
    this.#all = all;
    all.views.then(
      () => (all.until = performance.now() + KEPT_MS),
      () => {
        if (this.#all === all) this.#all = undefined;
      },
    );
    return await all.views;
  }

  /** One mirror as it is now; `undefined` when there is none. */
  async mirror(id: string): Promise<MirrorView | undefined> {
    const routes = await this.routesOf(id);
    return mirrorViews(routes, await this.#producer.moment())[0];
  }

  /** The last runs of a mirror's routes, the newest first. */
  async runs(id: string, limit: number): Promise<readonly RunReport[]> {
    const routes = await this.routesOf(id);
    const reports = await Promise.all(
      routes.map(({ definition }) => this.#producer.routes.reports(definition.id, limit)),
    );
    return reports
      .flat()
      .toSorted((a, b) => b.startedAt - a.startedAt)
      .slice(0, limit);
  }

  /** Ask for a run of every route of a mirror; `undefined` when there is no such mirror. */
  async sync(id: string, trigger: Trigger): Promise<readonly EnqueuedSync[] | undefined> {
    const routes = await this.routesOf(id);
    if (routes.length === 0) return undefined;
    return await Promise.all(routes.map(({ definition }) => this.hint(definition, { trigger })));
  }

  /** Let the next run of a route carry out the deletes that its last one blocked. @throws {ProducerError} `PLAN_OUTDATED`. */
  async approve(route: RouteDefinition, plan: string): Promise<EnqueuedSync> {
    return await this.#stored(route, () => this.#producer.approve(route.id, plan));
  }

  /** Pause or resume every route of a mirror; `undefined` when there is no such mirror. */
  async setPaused(id: string, paused: boolean): Promise<MirrorView | undefined> {
    const routes = await this.routesOf(id);
    await Promise.all(
      routes.map(({ definition }) =>
        this.#stored(definition, () =>
          paused ? this.#producer.pause(definition.id) : this.#producer.resume(definition.id),
        ),
      ),
    );
    this.#all = undefined;
    return await this.mirror(id);
  }

  /** Hint a route of the configuration or of the store. */
  async hint(
    route: RouteDefinition,
    options: NonNullable<Parameters<Producer["enqueueRoute"]>[1]>,
  ): Promise<EnqueuedSync> {
    return await this.#stored(route, () => this.#producer.enqueueRoute(route.id, options));
  }

  /** What is configured may not be stored yet; then it is now. */
  async #stored<T>(route: RouteDefinition, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (!(isProducerError(error) && error.code === "ROUTE_NOT_FOUND")) throw error;
      await this.#producer.routes.put(route);
      return await action();
    }
  }

  async #look(): Promise<readonly MirrorView[]> {
    const stored = new Map<string, RouteStatus>();
    for await (const route of this.#producer.allRoutes()) stored.set(route.definition.id, route);
    for (const { routes } of this.configured().all()) {
      for (const route of routes) {
        if (!stored.has(route.id)) stored.set(route.id, unstoredRoute(route));
      }
    }
    return mirrorViews([...stored.values()], await this.#producer.moment());
  }

  /** Those that are configured; of a mirror that this process does not know, those that are stored. */
  async routesOf(id: string): Promise<readonly RouteStatus[]> {
    const known = this.configured().find(id);
    if (known !== undefined) {
      return await Promise.all(
        known.routes.map(async (route) => (await this.#producer.route(route.id)) ?? unstoredRoute(route)),
      );
    }
    const routes: RouteStatus[] = [];
    for await (const route of this.#producer.allRoutes()) {
      if (mirrorIdOf(route.definition) === id) routes.push(route);
    }
    return routes;
  }
}
