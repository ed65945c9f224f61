/** `@gitsync/jobs`: the contract between whoever enqueues, whoever runs and whoever looks. */

export { adhocRequestSchema, checkAdhocRequest, type AdhocRequest } from "./adhoc-request.ts";
export {
  JOB_STATES,
  jobPriority,
  MAX_ATTEMPTS,
  parseSyncJobData,
  PRIORITY_BANDS,
  retryDelayMs,
  SYNC_JOB_NAME,
  syncJobDataSchema,
  type JobState,
  type SyncJobData,
  type Trigger,
} from "./job.ts";
export { condenseResult } from "./report.ts";
export {
  ADHOC_KEEP_MS,
  MAX_REPORT_REFS,
  MAX_REPORTS,
  ROUTE_STATES,
  RUN_OUTCOMES,
  type Hint,
  type QuarantinedRef,
  type RouteCondition,
  type RouteDefinition,
  type RouteError,
  type RouteStateName,
  type RouteStatus,
  type RunOutcome,
  type RunningRun,
  type RunProgress,
  type RunReport,
} from "./route.ts";
export { nextDueAt, type Interval, type ScheduleFacts } from "./schedule.ts";
export { hostOf, laneOf, targetKeyOf, type TargetKey } from "./target-key.ts";
export type { Endpoint, RefScope, SyncPhase, SyncPolicy, SyncResult } from "@gitsync/engine";
