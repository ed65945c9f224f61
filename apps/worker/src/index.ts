/** `@gitsync/worker`: take sync jobs off the queue and run them. */

export { createFleetCredentials } from "./credentials/fleet-credentials.ts";
export type {
  FleetCredentials,
  FleetCredentialsOptions,
  RouteCredentials,
} from "./credentials/fleet-credentials.ts";
export { createWorker } from "./create-worker.ts";
export type { CloseReason, Worker, WorkerOptions } from "./worker.ts";
export { RotationWatch, type RotationWatchOptions } from "./sweep/rotation-watch.ts";
export { Sweeper, type SweeperOptions } from "./sweep/sweeper.ts";
export { startProbeServer, type ProbeServer, type ProbeServerOptions } from "./probe-server.ts";
export { Notifier, type NotifierOptions, type NotifyOutside } from "./notify/notifier.ts";
