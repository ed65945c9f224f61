/** Routes and results as tests need them. */

import type { SyncResult } from "@gitsync/engine";
import { targetKeyOf, type RouteDefinition } from "@gitsync/jobs";

let made = 0;

/** A route that no other test has. */
export function someRoute(facts: Partial<RouteDefinition> = {}): RouteDefinition {
  made += 1;
  const url = `https://target.test/repository-${made}.git`;
  return {
    id: `mirror-${made}/backup`,
    source: { url: `https://source.test/repository-${made}.git` },
    target: { url },
    scope: {},
    policy: { mode: "replicate", includeTags: true, bestEffort: true },
    targetKey: targetKeyOf(url),
    tenant: "team",
    ...facts,
  };
}

/** What the engine answers when the target equals its source. */
export function convergedResult(facts: Partial<SyncResult> = {}): SyncResult {
  return {
    refs: [],
    counts: { applied: 0, skipped: 1, blocked: 0, deleted: 0, warned: 0, refused: 0, unknown: 0 },
    execution: {
      dryRun: false,
      protocol: "v2",
      operationMode: "replicate",
      relay: false,
      transferMode: "nothing",
      reason: "already-current",
      bootstrapSuggested: false,
      converged: true,
      batch: { enabled: false, planned: 0, done: 0 },
    },
    stats: { enabled: false, items: {}, sides: [], elapsedNanos: 0 },
    measurement: {
      enabled: false,
      elapsedMillis: 0,
      peakRssBytes: 0,
      peakHeapBytes: 0,
      cpuUserMicros: 0,
      cpuSystemMicros: 0,
      gcCount: 0,
    },
    ...facts,
  };
}
