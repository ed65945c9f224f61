/** What a run found and did: the same names in TypeScript, in `--json`, in a job's result and in the API. */

import { frozen, type FromSchema } from "./json-schema.ts";
import { protocolModeSchema } from "./request.ts";

const text = { type: "string" } as const;
const count = { type: "integer", minimum: 0 } as const;
const flag = { type: "boolean" } as const;

export const refResultSchema = frozen({
  type: "object",
  title: "What was planned for one target ref and what became of it",
  properties: {
    branch: { ...text, description: "short name of the target ref" },
    sourceRef: { ...text, description: "full name at the source; empty for a delete" },
    targetRef: { ...text, description: "full name at the target" },
    sourceHash: { ...text, description: "object id at the source; empty when the source lacks the ref" },
    targetHash: { ...text, description: "object id that the target listed; empty when it lacks the ref" },
    kind: { type: "string", enum: ["branch", "tag", "other"] },
    action: { type: "string", enum: ["create", "update", "delete", "skip", "block", "warn"] },
    outcome: {
      type: "string",
      enum: ["planned", "unchanged", "applied", "refused", "unknown", "lease-lost", "not-attempted"],
    },
    reason: { ...text, description: "for people" },
    code: { ...text, description: "stable, kebab-case" },
  },
  required: [
    "branch",
    "sourceRef",
    "targetRef",
    "sourceHash",
    "targetHash",
    "kind",
    "action",
    "outcome",
    "reason",
    "code",
  ],
  additionalProperties: false,
});

export const syncCountsSchema = frozen({
  type: "object",
  properties: {
    applied: count,
    skipped: count,
    blocked: count,
    deleted: count,
    warned: count,
    refused: count,
    unknown: count,
  },
  required: ["applied", "skipped", "blocked", "deleted", "warned", "refused", "unknown"],
  additionalProperties: false,
});

export const batchSummarySchema = frozen({
  type: "object",
  properties: { enabled: flag, planned: count, done: count },
  required: ["enabled", "planned", "done"],
  additionalProperties: false,
});

/** Refs of its own that a run was to delete at the target and that are, or may be, still there. The next run tries again. */
const leftoversSchema = frozen({
  type: "object",
  properties: {
    count: { ...count, description: "refs of its own that the run was to delete and the target kept" },
    targetRef: { ...text, description: "the first of them" },
    reason: { ...text, description: "for people" },
    code: { ...text, description: "stable, kebab-case" },
  },
  required: ["count", "targetRef", "reason", "code"],
  additionalProperties: false,
});

export const executionSummarySchema = frozen({
  type: "object",
  properties: {
    dryRun: flag,
    protocol: { ...text, description: "protocol version that the source answered with: v0, v1 or v2" },
    operationMode: { type: "string", enum: ["sync", "replicate"] },
    relay: { ...flag, description: "a pack went (or would go) from source to target" },
    transferMode: { type: "string", enum: ["nothing", "refs-only", "relay", "batched"] },
    reason: { ...text, description: "why this transfer mode; stable, kebab-case" },
    bootstrapSuggested: { ...flag, description: "the target holds none of the managed refs" },
    converged: { ...flag, description: "every managed ref of the target equals its source" },
    sourceHead: { ...text, description: "the ref that the source's HEAD points to" },
    blockedPlan: { ...text, description: "names the deletes that were too many, for whoever approves them" },
    leftovers: leftoversSchema,
    batch: batchSummarySchema,
  },
  required: [
    "dryRun",
    "protocol",
    "operationMode",
    "relay",
    "transferMode",
    "reason",
    "bootstrapSuggested",
    "converged",
    "batch",
  ],
  additionalProperties: false,
});

export const serviceStatsSchema = frozen({
  type: "object",
  properties: {
    name: text,
    requests: count,
    requestBytes: count,
    responseBytes: count,
    wants: count,
    haves: count,
    commands: count,
  },
  required: ["name", "requests", "requestBytes", "responseBytes", "wants", "haves", "commands"],
  additionalProperties: false,
});

export const sideBytesSchema = frozen({
  type: "object",
  properties: {
    label: { type: "string", enum: ["source", "target"] },
    bytes: { ...count, description: "both directions together" },
    activeNanos: { ...count, description: "first byte to last byte" },
    idleNanos: { ...count, description: "last byte to the end of the run" },
  },
  required: ["label", "bytes", "activeNanos", "idleNanos"],
  additionalProperties: false,
});

export const statsSchema = frozen({
  type: "object",
  properties: {
    enabled: flag,
    items: { type: "object", additionalProperties: serviceStatsSchema },
    sides: { type: "array", items: sideBytesSchema },
    elapsedNanos: count,
  },
  required: ["enabled", "items", "sides", "elapsedNanos"],
  additionalProperties: false,
});

export const measurementSchema = frozen({
  type: "object",
  properties: {
    enabled: flag,
    elapsedMillis: { type: "number", minimum: 0 },
    peakRssBytes: count,
    peakHeapBytes: count,
    cpuUserMicros: count,
    cpuSystemMicros: count,
    gcCount: count,
  },
  required: [
    "enabled",
    "elapsedMillis",
    "peakRssBytes",
    "peakHeapBytes",
    "cpuUserMicros",
    "cpuSystemMicros",
    "gcCount",
  ],
  additionalProperties: false,
});

export const syncResultSchema = frozen({
  type: "object",
  title: "The report of a run",
  properties: {
    refs: { type: "array", items: refResultSchema },
    counts: syncCountsSchema,
    execution: executionSummarySchema,
    stats: statsSchema,
    measurement: measurementSchema,
    truncated: { ...flag, description: "refs holds the noteworthy ones only" },
  },
  required: ["refs", "counts", "execution", "stats", "measurement"],
  additionalProperties: false,
});

export const refInfoSchema = frozen({
  type: "object",
  properties: { name: text, hash: text },
  required: ["name", "hash"],
  additionalProperties: false,
});

export const fetchResultSchema = frozen({
  type: "object",
  title: "What a fetch brought",
  properties: {
    sourceUrl: text,
    requestedMode: protocolModeSchema,
    protocol: text,
    wants: { type: "array", items: refInfoSchema },
    haves: { type: "array", items: text },
    fetchedObjects: count,
    fetchedBytes: count,
    stats: statsSchema,
    measurement: measurementSchema,
  },
  required: [
    "sourceUrl",
    "requestedMode",
    "protocol",
    "wants",
    "haves",
    "fetchedObjects",
    "fetchedBytes",
    "stats",
    "measurement",
  ],
  additionalProperties: false,
});

export const probeResultSchema = frozen({
  type: "object",
  properties: {
    sourceUrl: text,
    targetUrl: text,
    requestedMode: protocolModeSchema,
    protocol: text,
    refPrefixes: { type: "array", items: text },
    sourceCapabilities: { type: "array", items: text },
    targetCapabilities: { type: "array", items: text },
    refs: { type: "array", items: refInfoSchema },
    sourceHead: text,
    sourceHeadUnborn: flag,
    objectFormat: { type: "string", enum: ["sha1", "sha256"] },
    stats: statsSchema,
    measurement: measurementSchema,
  },
  required: [
    "sourceUrl",
    "requestedMode",
    "protocol",
    "refPrefixes",
    "sourceCapabilities",
    "refs",
    "objectFormat",
    "stats",
    "measurement",
  ],
  additionalProperties: false,
});

export type RefResult = FromSchema<typeof refResultSchema>;
/** What a plan says of one ref; the same shape as the result of a run. */
export type RefPlan = RefResult;
export type RefKind = RefResult["kind"];
export type Action = RefResult["action"];
export type RefOutcome = RefResult["outcome"];
export type SyncCounts = FromSchema<typeof syncCountsSchema>;
export type BatchSummary = FromSchema<typeof batchSummarySchema>;
export type ExecutionSummary = FromSchema<typeof executionSummarySchema>;
export type ServiceStats = FromSchema<typeof serviceStatsSchema>;
export type SideBytes = FromSchema<typeof sideBytesSchema>;
export type Stats = FromSchema<typeof statsSchema>;
export type Measurement = FromSchema<typeof measurementSchema>;
export type SyncResult = FromSchema<typeof syncResultSchema>;
/** A plan is reported in the shape of a run's result, with `execution.dryRun` true. */
export type PlanResult = SyncResult;
export type RefInfo = FromSchema<typeof refInfoSchema>;
export type FetchResult = FromSchema<typeof fetchResultSchema>;
export type ProbeResult = FromSchema<typeof probeResultSchema>;
