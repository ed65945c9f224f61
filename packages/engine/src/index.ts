/** `@gitsync/engine`: make one git repository equal to another, remote to remote, without a clone. */

export {
  StaticAuthProvider,
  type AuthChallenge,
  type AuthProvider,
  type EndpointAuth,
  type EndpointRole,
} from "./auth.ts";
export { createClient, type Client } from "./client.ts";
export {
  isSyncError,
  SYNC_ERRORS,
  SyncError,
  type SyncErrorClass,
  type SyncErrorCode,
  type SyncErrorDetails,
} from "./errors.ts";
export { createHttpClient, type HttpAnswer, type HttpClient, type HttpRequest } from "./http-client.ts";
export type { Side, SyncEvent, SyncObserver, SyncPhase } from "./observer.ts";
export type {
  CallOptions,
  ClientOptions,
  ClientOptions as Options,
  EgressPolicy,
  Limits,
  PushPace,
  SpoolOptions,
} from "./options.ts";
export type {
  Action,
  BatchSummary,
  Endpoint,
  ExecutionSummary,
  Measurement,
  OperationMode,
  PlanRequest,
  PlanResult,
  ProbeRequest,
  ProbeResult,
  ProtocolMode,
  RefInfo,
  RefKind,
  RefMapping,
  RefOutcome,
  RefPlan,
  RefResult,
  RefScope,
  ServiceStats,
  SideBytes,
  Stats,
  SyncCounts,
  SyncPolicy,
  SyncRequest,
  SyncResult,
} from "./schema/index.ts";
export type { HeldBackRef } from "./plan/hold-back.ts";
export { validatePlanRequest, validateProbeRequest, validateSyncRequest } from "./request.ts";
