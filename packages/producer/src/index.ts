/** `@gitsync/producer`: put sync work on the durable queue and look at it. */

export { createProducer, type ProducerOptions } from "./create-producer.ts";
export { ADHOC_POLICY } from "./adhoc-route.ts";
export type {
  EnqueuedSync,
  EnqueueRequest,
  EnqueueRouteOptions,
  JobView,
  JobViewPage,
  Producer,
  ScheduleRequest,
  WaitOptions,
} from "./producer.ts";
export { isProducerError, PRODUCER_ERRORS, ProducerError, type ProducerErrorCode } from "./producer-error.ts";
export { canonicalEndpoint, targetKeyOfEndpoint } from "./canonical-endpoint.ts";
export { Deadline } from "./deadline.ts";
export { giveHint, type HintRequest, type HintWay } from "./give-hint.ts";
export { readFleetFigures } from "./fleet-figures.ts";
export { hookHealth, type HookHealth } from "./hook-health.ts";
export { Heartbeat } from "./heartbeat.ts";
export {
  mirrorIdOf,
  mirrorViews,
  routeView,
  unstoredRoute,
  WAITING_REASONS,
  type MirrorView,
  type Moment,
  type RouteView,
  type Waiting,
} from "./mirror-view.ts";
export { newId } from "./ids.ts";
export { laneFor, SINGLE_LANE } from "./lane.ts";
export { BACKOFF_TYPE, Lanes, type LaneJob } from "./lanes.ts";
export { openFleetStore, openRouteStore, type RouteStoreOptions } from "./state/open-state.ts";
export type {
  CancelOutcome,
  HintReceipt,
  HostFindings,
  JobPage,
  JobQuery,
  JobRecord,
  NewHint,
  NextLook,
  NextRun,
  PushRate,
  RoutePage,
  RouteStore,
  RunEnd,
  RunStart,
  StateChange,
  WakingRoute,
} from "./state/route-store.ts";
export { definitionDigest } from "./state/definition-digest.ts";
export {
  BEAT_MS,
  SILENT_MS,
  type FleetStore,
  type HostBlock,
  type LiveProcess,
  type ProcessBeat,
  type ServerLife,
} from "./state/fleet-store.ts";
