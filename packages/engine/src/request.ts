/**
 * Requests checked and completed once, at the edge: behind this file every field is there and means one thing.
 */

import { parseFormattedRefName, ProtocolError, type RefName } from "@gitsync/protocol";
import { SyncError } from "./errors.ts";
import { printLocation, type RemoteLocation } from "./location/location.ts";
import { parseLocation } from "./location/parse-location.ts";
import { refuseSameRepository } from "./location/same-repository.ts";
import {
  bootstrapRequestSchema,
  fetchRequestSchema,
  probeRequestSchema,
  syncRequestSchema,
  validateAgainst,
  type BootstrapRequest,
  type Endpoint,
  type FetchRequest,
  type JsonSchema,
  type OperationMode,
  type PlanRequest,
  type ProbeRequest,
  type ProtocolMode,
  type RefScope,
  type SyncPolicy,
  type SyncRequest,
} from "./schema/index.ts";
import { resolveScope, type ResolvedScope } from "./plan/scope.ts";

/** One side of a run: what was asked for and where it leads. */
export interface ResolvedEndpoint {
  readonly endpoint: Endpoint;
  readonly location: RemoteLocation;
}

/** A policy with every default filled in. */
export interface ResolvedPolicy {
  readonly mode: OperationMode;
  readonly force: boolean;
  readonly prune: boolean;
  readonly bestEffort: boolean;
  readonly atomic: boolean;
  readonly protocol: ProtocolMode;
  readonly destructive: "allow" | "archive" | "block";
  readonly maxDeletes: { readonly count: number; readonly percent: number };
  readonly keepArchivesDays: number;
  readonly verify: "report" | "list";
}

export interface ResolvedSyncRequest {
  readonly source: ResolvedEndpoint;
  readonly target: ResolvedEndpoint;
  readonly scope: ResolvedScope;
  readonly policy: ResolvedPolicy;
  readonly collectStats: boolean;
  readonly includeUnchanged: boolean;
}

export interface ResolvedProbeRequest {
  readonly source: ResolvedEndpoint;
  readonly target: ResolvedEndpoint | undefined;
  readonly scope: ResolvedScope;
  readonly protocol: ProtocolMode;
  readonly collectStats: boolean;
}

export interface ResolvedFetchRequest {
  readonly source: ResolvedEndpoint;
  readonly scope: ResolvedScope;
  readonly protocol: ProtocolMode;
  /** Refs of the source whose objects are there already, by full name. */
  readonly haveRefs: readonly RefName[];
  readonly haves: readonly string[];
  readonly collectStats: boolean;
}

/**
 * Check a sync request of unknown origin.
 *
 * @throws {SyncError} `REQUEST_INVALID` naming every faulty field, `URL_INVALID`, `TRANSPORT_UNSUPPORTED` or
 * `SAME_REPOSITORY`; nothing was contacted.
 */
export function validateSyncRequest(request: unknown): SyncRequest {
  resolveSyncRequest(request);
  return request as SyncRequest;
}

/** Check a plan request; see {@link validateSyncRequest}. */
export function validatePlanRequest(request: unknown): PlanRequest {
  return validateSyncRequest(request);
}

/** Check a probe request; see {@link validateSyncRequest}. */
export function validateProbeRequest(request: unknown): ProbeRequest {
  resolveProbeRequest(request);
  return request as ProbeRequest;
}

/** Check and complete a sync or plan request. */
export function resolveSyncRequest(request: unknown): ResolvedSyncRequest {
  const checked = conforming<SyncRequest>(syncRequestSchema, request);
  const policy = checked.policy ?? {};
  const source = resolveEndpoint(checked.source, "source");
  const target = resolveEndpoint(checked.target, "target");
  if (policy.mode === "replicate" && (policy.force === "with-lease" || policy.force === true)) {
    throw invalid("policy.force", "has no meaning in replicate mode, which overwrites anyway");
  }
  refuseSameRepository(source.location, target.location);
  return {
    source,
    target,
    scope: scopeOf(checked.scope ?? {}, policy.includeTags ?? false),
    policy: resolvePolicy(policy),
    collectStats: checked.collectStats ?? false,
    includeUnchanged: checked.includeUnchanged ?? false,
  };
}

/** Check and complete a probe request. */
export function resolveProbeRequest(request: unknown): ResolvedProbeRequest {
  const checked = conforming<ProbeRequest>(probeRequestSchema, request);
  const scope: RefScope = {
    allRefs: checked.allRefs ?? false,
    excludeRefPrefixes: checked.excludeRefPrefixes ?? [],
  };
  return {
    source: resolveEndpoint(checked.source, "source"),
    target: checked.target && resolveEndpoint(checked.target, "target"),
    scope: scopeOf(scope, checked.includeTags ?? false),
    protocol: checked.protocol ?? "auto",
    collectStats: checked.collectStats ?? false,
  };
}

/** Check and complete a bootstrap request. */
export function resolveBootstrapRequest(request: unknown): ResolvedSyncRequest {
  const { source, target, scope, includeTags, bestEffort, protocol, collectStats } =
    conforming<BootstrapRequest>(bootstrapRequestSchema, request);
  return resolveSyncRequest({
    source,
    target,
    ...(scope === undefined ? {} : { scope }),
    policy: {
      includeTags: includeTags ?? false,
      bestEffort: bestEffort ?? false,
      protocol: protocol ?? "auto",
    },
    collectStats: collectStats ?? false,
  });
}

/** Check and complete a fetch request. */
export function resolveFetchRequest(request: unknown): ResolvedFetchRequest {
  const checked = conforming<FetchRequest>(fetchRequestSchema, request);
  return {
    source: resolveEndpoint(checked.source, "source"),
    scope: scopeOf(checked.scope ?? {}, checked.includeTags ?? false),
    protocol: checked.protocol ?? "auto",
    haveRefs: (checked.haveRefs ?? []).map(haveRef),
    haves: checked.haves ?? [],
    collectStats: checked.collectStats ?? false,
  };
}

/** A full name, or a branch. */
function haveRef(text: string): RefName {
  try {
    return parseFormattedRefName(text.startsWith("refs/") ? text : `refs/heads/${text}`);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw invalid("haveRefs", `has ${text}, which is no name of a ref`);
  }
}

function conforming<T>(schema: JsonSchema, request: unknown): T {
  const faults = validateAgainst(schema, request);
  const first = faults[0];
  if (first === undefined) return request as T;
  throw new SyncError(
    "REQUEST_INVALID",
    `Cannot use the request: ${faults.map((fault) => `${fault.path || "request"} ${fault.message}`).join("; ")}`,
    { field: first.path, faults: faults.map((fault) => `${fault.path} ${fault.message}`) },
  );
}

function invalid(field: string, message: string): SyncError {
  return new SyncError("REQUEST_INVALID", `Cannot use the request: ${field} ${message}`, { field });
}

function resolveEndpoint(endpoint: Endpoint, role: "source" | "target"): ResolvedEndpoint {
  return { endpoint, location: parseLocation(endpoint.url, role) };
}

function resolvePolicy(policy: SyncPolicy): ResolvedPolicy {
  return {
    mode: policy.mode ?? "sync",
    force: policy.force === "with-lease" || policy.force === true,
    prune: policy.prune ?? false,
    bestEffort: policy.bestEffort ?? false,
    atomic: policy.atomic ?? false,
    protocol: policy.protocol ?? "auto",
    destructive: policy.destructive ?? "allow",
    maxDeletes: policy.maxDeletes ?? { count: 10, percent: 5 },
    keepArchivesDays: policy.keepArchivesDays ?? 90,
    verify: policy.verify ?? "report",
  };
}

function scopeOf(scope: RefScope, includeTags: boolean): ResolvedScope {
  const resolved = resolveScope(scope, includeTags);
  if (resolved.ok) return resolved.scope;
  throw invalid(resolved.field, resolved.message);
}

/** The endpoint's address as it may be shown. */
export function printEndpoint(endpoint: ResolvedEndpoint): string {
  return printLocation(endpoint.location);
}
