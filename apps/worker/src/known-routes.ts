/** The routes of this process's own configuration, by target, and the limits of hosts. */

import { configuredRoutes, expectsDeliveries, type FleetConfig, type HostLimits } from "@gitsync/runtime";
import type { RouteDefinition, TargetKey } from "@gitsync/jobs";
import type { RunStart } from "@gitsync/producer";

export class KnownRoutes {
  readonly #config: () => FleetConfig;
  #of: FleetConfig | undefined;
  #limits: Required<Pick<RunStart, "hostLimits" | "pushesPerMinute">> = {
    hostLimits: {},
    pushesPerMinute: {},
  };
  #byTarget = new Map<TargetKey, readonly RouteDefinition[]>();

  constructor(config: () => FleetConfig) {
    this.#config = config;
  }

  /** Those that write a target, as they are configured now. */
  of(target: TargetKey): readonly RouteDefinition[] {
    this.#read();
    return this.#byTarget.get(target) ?? [];
  }

  /** What a run has to keep to. */
  get limits(): Required<Pick<RunStart, "hostLimits" | "pushesPerMinute">> {
    this.#read();
    return this.#limits;
  }

  /** Whether webhooks are set up that should tell when the source of a route changes. */
  expectsHints(route: string): boolean {
    const config = this.#config();
    const mirror = config.mirrors.find(({ id }) => route.startsWith(`${id}/`));
    return mirror !== undefined && expectsDeliveries(config, mirror);
  }

  #read(): void {
    const config = this.#config();
    if (config === this.#of) return;
    this.#of = config;
    const definitions = configuredRoutes(config).map(({ definition }) => definition);
    this.#byTarget = Map.groupBy(definitions, ({ targetKey }) => targetKey);
    this.#limits = {
      hostLimits: limitsOf(config, "maxConcurrent"),
      pushesPerMinute: limitsOf(config, "pushesPerMinute"),
    };
  }
}

function limitsOf(config: FleetConfig, limit: keyof HostLimits): Readonly<Record<string, number>> {
  const entries = [...config.hosts].flatMap(([host, limits]) => {
    const value = limits[limit];
    return value === undefined ? [] : [[host, value] as const];
  });
  return Object.fromEntries(entries);
}
