/** Makes the stored routes those of the configuration. */

import { configuredRoutes, type FleetConfig } from "@gitsync/runtime";
import { definitionDigest, type FleetStore, type RouteStore } from "@gitsync/producer";
import type { RouteDefinition } from "@gitsync/jobs";

/** Routes that are stored at a time. */
const BATCH = 200;

/** What was done. */
export interface Reconciled {
  /** Routes that were new or changed. */
  readonly stored: number;
  readonly retired: number;
}

/**
 * Store what is new or changed; an emptied store fills itself again so. A route that is configured no more is let go
 * once every live process has the same configuration: while a deploy is under way, the old one may still be right.
 */
export async function reconcile(
  routes: RouteStore,
  fleet: FleetStore,
  config: FleetConfig,
): Promise<Reconciled> {
  const wanted = definitionsOf(config);
  const stored = await routes.configured();
  const changed = [...wanted.values()].filter(
    ({ digest, definition }) => stored.get(definition.id) !== digest,
  );
  for (let from = 0; from < changed.length; from += BATCH) {
    await routes.putAll(changed.slice(from, from + BATCH).map(({ definition }) => definition));
  }
  const surplus = [...stored.keys()].filter((id) => !wanted.has(id));
  const mayRetire = surplus.length > 0 && (await agree(fleet, config.hash));
  if (mayRetire) await routes.retire(surplus);
  return { stored: changed.length, retired: mayRetire ? surplus.length : 0 };
}

async function agree(fleet: FleetStore, hash: string): Promise<boolean> {
  const processes = await fleet.processes();
  return processes.every(({ configHash }) => configHash === undefined || configHash === hash);
}

interface Wanted {
  readonly definition: RouteDefinition;
  readonly digest: string | undefined;
}

const known = new WeakMap<FleetConfig, ReadonlyMap<string, Wanted>>();

/** By id; made once for each configuration. */
function definitionsOf(config: FleetConfig): ReadonlyMap<string, Wanted> {
  const before = known.get(config);
  if (before !== undefined) return before;
  const made = new Map(
    configuredRoutes(config).map(({ definition }) => [
      definition.id,
      { definition, digest: definitionDigest(definition) },
    ]),
  );
  known.set(config, made);
  return made;
}
