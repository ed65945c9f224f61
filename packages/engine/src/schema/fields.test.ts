/** The names that programs outside rely on: taking one away, or renaming it, breaks them. */

import { describe, expect, test } from "vitest";
import type { ObjectSchema } from "./json-schema.ts";
import * as schema from "./index.ts";

const words = (text: string): readonly string[] => text.split(/\s+/u);

describe("the fields of", () => {
  test.for<readonly [title: string, of: ObjectSchema, names: string]>([
    ["Endpoint", schema.endpointSchema, "url followInfoRefsRedirect"],
    ["RefMapping", schema.refMappingSchema, "source target"],
    [
      "RefScope",
      schema.refScopeSchema,
      "branches mappings allRefs includeRefs excludeRefPrefixes excludeRefs",
    ],
    [
      "SyncPolicy",
      schema.syncPolicySchema,
      "mode includeTags force prune bestEffort atomic protocol destructive maxDeletes keepArchivesDays verify",
    ],
    ["SyncRequest", schema.syncRequestSchema, "source target scope policy collectStats includeUnchanged"],
    [
      "ProbeRequest",
      schema.probeRequestSchema,
      "source target includeTags allRefs excludeRefPrefixes protocol collectStats",
    ],
    [
      "RefResult",
      schema.refResultSchema,
      "branch sourceRef targetRef sourceHash targetHash kind action outcome reason code",
    ],
    ["SyncCounts", schema.syncCountsSchema, "applied skipped blocked deleted warned refused unknown"],
    ["BatchSummary", schema.batchSummarySchema, "enabled planned done"],
    [
      "ExecutionSummary",
      schema.executionSummarySchema,
      "dryRun protocol operationMode relay transferMode reason bootstrapSuggested converged sourceHead blockedPlan leftovers batch",
    ],
    ["SyncResult", schema.syncResultSchema, "refs counts execution stats measurement truncated"],
    ["Stats", schema.statsSchema, "enabled items sides elapsedNanos"],
    [
      "ServiceStats",
      schema.serviceStatsSchema,
      "name requests requestBytes responseBytes wants haves commands",
    ],
    ["SideBytes", schema.sideBytesSchema, "label bytes activeNanos idleNanos"],
    [
      "Measurement",
      schema.measurementSchema,
      "enabled elapsedMillis peakRssBytes peakHeapBytes cpuUserMicros cpuSystemMicros gcCount",
    ],
    [
      "ProbeResult",
      schema.probeResultSchema,
      "sourceUrl targetUrl requestedMode protocol refPrefixes sourceCapabilities targetCapabilities refs sourceHead sourceHeadUnborn objectFormat stats measurement",
    ],
  ])("%s", ([, { properties }, names]) => {
    expect(Object.keys(properties)).toEqual(words(names));
  });

  test("each request say what they mean", () => {
    const silent = [
      schema.syncRequestSchema,
      schema.probeRequestSchema,
      schema.bootstrapRequestSchema,
      schema.fetchRequestSchema,
      schema.endpointSchema,
      schema.refScopeSchema,
      schema.syncPolicySchema,
    ].flatMap(({ title, properties }) =>
      Object.entries<schema.JsonSchema>(properties)
        .filter(([, field]) => field.description === undefined && field.title === undefined)
        .map(([name]) => `${title}: ${name}`),
    );
    expect(silent).toEqual([]);
  });
});

test.for([
  [schema.refResultSchema.properties.kind, "branch tag other"],
  [schema.refResultSchema.properties.action, "create update delete skip block warn"],
  [
    schema.refResultSchema.properties.outcome,
    "planned unchanged applied refused unknown lease-lost not-attempted",
  ],
  [schema.executionSummarySchema.properties.transferMode, "nothing refs-only relay batched"],
  [schema.syncPolicySchema.properties.destructive, "allow archive block"],
  [schema.syncPolicySchema.properties.verify, "report list"],
  [schema.syncPolicySchema.properties.mode, "sync replicate"],
  [schema.protocolModeSchema, "auto v1 v2"],
] as const)("the words of %j", ([of, names]) => {
  expect(of.enum).toEqual(words(names));
});
