/** What to make equal to what, and under which rules: the requests of the library, the CLI, the API and jobs. */

import { frozen, type FromSchema } from "./json-schema.ts";

/** How many entries a list in a request may have; real scopes have a handful. */
const MAX_LIST = 10_000;
const collectStats = {
  type: "boolean",
  default: false,
  description: "count requests and bytes of each phase",
} as const;
const refText = { type: "string", minLength: 1, maxLength: 4_096 } as const;

export const endpointSchema = frozen({
  type: "object",
  title: "A repository",
  properties: {
    url: {
      type: "string",
      minLength: 1,
      maxLength: 8_192,
      description: "https://, http://, ssh://, git@host:path, git://, file:// or a local path",
    },
    followInfoRefsRedirect: {
      type: "boolean",
      default: false,
      description: "send later requests to where the first listing was redirected",
    },
  },
  required: ["url"],
  additionalProperties: false,
});

export const refMappingSchema = frozen({
  type: "object",
  title: "One source ref and the target ref it becomes",
  properties: { source: refText, target: refText },
  required: ["source", "target"],
  additionalProperties: false,
});

export const refScopeSchema = frozen({
  type: "object",
  title: "Which refs are managed",
  properties: {
    branches: { type: "array", maxItems: MAX_LIST, items: refText, description: "only these branches" },
    mappings: {
      type: "array",
      maxItems: MAX_LIST,
      items: refMappingSchema,
      description: "source:target pairs; they replace the discovery of branches",
    },
    allRefs: { type: "boolean", default: false, description: "every ref, not only branches" },
    includeRefs: {
      type: "array",
      maxItems: MAX_LIST,
      items: refText,
      description: "git refspec patterns of the refs to manage; ^pattern takes refs out again",
    },
    excludeRefPrefixes: {
      type: "array",
      maxItems: MAX_LIST,
      items: { type: "string", maxLength: 4_096 },
      description: "leave out refs that begin with one of these",
    },
    excludeRefs: {
      type: "array",
      maxItems: MAX_LIST,
      items: { type: "string", maxLength: 4_096 },
      description: "leave out these refs",
    },
  },
  additionalProperties: false,
});

export const protocolModeSchema = frozen({
  type: "string",
  enum: ["auto", "v1", "v2"],
  default: "auto",
  description: "git protocol to ask the source for; the answer decides",
});

export const syncPolicySchema = frozen({
  type: "object",
  title: "What may happen to the target's refs",
  properties: {
    mode: {
      type: "string",
      enum: ["sync", "replicate"],
      default: "sync",
      description: "sync moves refs forward only; replicate makes them equal whatever the target had",
    },
    includeTags: { type: "boolean", default: false, description: "tags too" },
    force: {
      anyOf: [
        { type: "string", enum: ["never", "with-lease"] },
        { type: "boolean", enum: [true] },
      ],
      default: "never",
      description:
        "in sync mode, overwrite a ref that is not a fast-forward if it still is where it was listed",
    },
    prune: {
      type: "boolean",
      default: false,
      description: "delete managed target refs that the source lacks",
    },
    bestEffort: {
      type: "boolean",
      default: false,
      description: "a blocked or refused ref is a warning; the rest goes on",
    },
    atomic: { type: "boolean", default: false, description: "all refs or none, in one request" },
    protocol: protocolModeSchema,
    destructive: {
      type: "string",
      enum: ["allow", "archive", "block"],
      default: "allow",
      description:
        "what to do before a forced update or a delete: go on, keep the old tip in refs/gitsync/archive, or refuse",
    },
    maxDeletes: {
      type: "object",
      properties: {
        count: { type: "integer", minimum: 0, default: 10 },
        percent: { type: "number", minimum: 0, maximum: 100, default: 5 },
      },
      required: ["count", "percent"],
      additionalProperties: false,
      description:
        "deletes are blocked when more than count and more than percent of the managed refs would go",
    },
    keepArchivesDays: {
      type: "integer",
      minimum: 1,
      maximum: 36_500,
      default: 90,
      description: "how long an archived tip is kept; older ones are removed by the next run that archives",
    },
    verify: {
      type: "string",
      enum: ["report", "list"],
      default: "report",
      description: "believe the target's report, or list its refs once more after a push",
    },
  },
  additionalProperties: false,
});

export const syncRequestSchema = frozen({
  type: "object",
  title: "Make one target equal to one source",
  properties: {
    source: endpointSchema,
    target: endpointSchema,
    scope: refScopeSchema,
    policy: syncPolicySchema,
    collectStats,
    includeUnchanged: {
      type: "boolean",
      default: false,
      description: "list refs with nothing to do in the result, too",
    },
  },
  required: ["source", "target"],
  additionalProperties: false,
});

export const probeRequestSchema = frozen({
  type: "object",
  title: "List what a source (and a target) offers",
  properties: {
    source: endpointSchema,
    target: endpointSchema,
    includeTags: { type: "boolean", default: false, description: "tags too" },
    allRefs: { type: "boolean", default: false, description: "every ref, not only branches" },
    excludeRefPrefixes: {
      type: "array",
      maxItems: MAX_LIST,
      items: { type: "string", maxLength: 4_096 },
      description: "leave out refs that begin with one of these",
    },
    protocol: protocolModeSchema,
    collectStats,
  },
  required: ["source"],
  additionalProperties: false,
});

export const bootstrapRequestSchema = frozen({
  type: "object",
  title: "Fill a target for the first time",
  properties: {
    source: endpointSchema,
    target: endpointSchema,
    scope: refScopeSchema,
    includeTags: { type: "boolean", default: false, description: "tags too" },
    bestEffort: {
      type: "boolean",
      default: false,
      description: "a ref that the target has already, or refuses, is a warning; the rest goes on",
    },
    protocol: protocolModeSchema,
    collectStats,
  },
  required: ["source", "target"],
  additionalProperties: false,
});

export const fetchRequestSchema = frozen({
  type: "object",
  title: "Download what somebody who has some objects would be sent",
  properties: {
    source: endpointSchema,
    scope: refScopeSchema,
    includeTags: { type: "boolean", default: false, description: "tags too" },
    protocol: protocolModeSchema,
    haveRefs: {
      type: "array",
      maxItems: MAX_LIST,
      items: refText,
      description: "refs of the source whose objects are there already",
    },
    haves: {
      type: "array",
      maxItems: MAX_LIST,
      items: { type: "string", minLength: 40, maxLength: 64 },
      description: "ids of objects that are there already",
    },
    collectStats,
  },
  required: ["source"],
  additionalProperties: false,
});

/** A repository: where it is, without any secret. */
export type Endpoint = FromSchema<typeof endpointSchema>;
/** One source ref and the target ref it becomes; both short branch names or both full names. */
export type RefMapping = FromSchema<typeof refMappingSchema>;
export type RefScope = FromSchema<typeof refScopeSchema>;
export type ProtocolMode = FromSchema<typeof protocolModeSchema>;
export type SyncPolicy = FromSchema<typeof syncPolicySchema>;
export type OperationMode = "sync" | "replicate";
export type SyncRequest = FromSchema<typeof syncRequestSchema>;
/** A plan is asked for with the same request as a sync; it changes nothing. */
export type PlanRequest = SyncRequest;
export type ProbeRequest = FromSchema<typeof probeRequestSchema>;
export type BootstrapRequest = FromSchema<typeof bootstrapRequestSchema>;
export type FetchRequest = FromSchema<typeof fetchRequestSchema>;
