/** The routes of this process's own configuration, by target. */

import { configuredRoutes, type FleetConfig } from "@gitsync/runtime";
import type { RouteDefinition, TargetKey } from "@gitsync/jobs";

export class KnownRoutes {
  readonly #config: () => FleetConfig;
  #of: FleetConfig | undefined;
  #byTarget = new Map<TargetKey, readonly RouteDefinition[]>();

  constructor(config: () => FleetConfig) {
    this.#config = config;
  }

  /** Those that write a target, as they are configured now. */
  of(target: TargetKey): readonly RouteDefinition[] {
    const config = this.#config();
    if (config !== this.#of) {
      this.#of = config;
      const definitions = configuredRoutes(config).map(({ definition }) => definition);
      this.#byTarget = Map.groupBy(definitions, ({ targetKey }) => targetKey);
    }
    return this.#byTarget.get(target) ?? [];
  }
}
