/** The worker's surface. */

import type { Client, SyncEvent } from "@gitsync/engine";
import type { TargetKey } from "@gitsync/jobs";
import type { NotifyOutside } from "./notify/notifier.ts";
import type { FleetCredentials } from "./credentials/fleet-credentials.ts";
import type { FleetStore, RouteStore } from "@gitsync/producer";
import type { FleetConfig, Logger, Metrics, QueueStore, SecretRegistry } from "@gitsync/runtime";

export interface WorkerOptions {
  /** Where the jobs are; opened as `worker` or `both`, closed by whoever opened it. */
  readonly store: QueueStore;
  /** The state of the routes. Default: the one beside the queue. */
  readonly routes?: RouteStore;
  /** The state of the fleet's processes. Default: the one beside the queue. */
  readonly fleet?: FleetStore;
  /** What is configured now; asked again for each job and each sweep. Default: nothing is. */
  readonly config?: () => FleetConfig;
  /** Runs the syncs; closed by whoever made it. */
  readonly client: Client;
  /** Who we are at the ends of each route. Default: whoever the client says. */
  readonly credentials?: FleetCredentials;
  readonly logger: Logger;
  /** Name of this worker in states and logs. Default: a random one. */
  readonly workerId?: string;
  /** Runs at a time in this process, over all lanes. Default: 4. */
  readonly concurrency?: number;
  /** Run jobs of this target only, and look after nothing else; any other job that comes up is put off for a few seconds. */
  readonly only?: TargetKey;
  /** Told of everything that the engine says of a run. Must not throw. */
  readonly onEvent?: (route: string, event: SyncEvent) => void;
  /** How long running jobs may go on once `close` was called, in milliseconds. Default: 25,000. */
  readonly graceMs?: number;
  /** The way to people outside: notifications of the configuration. Default: none, changes of state are only logged. */
  readonly notifyOutside?: NotifyOutside;
  /** What this worker did is counted here. Default: nowhere. */
  readonly metrics?: Metrics;
  /** Live secrets, removed from every text that is stored. */
  readonly secrets?: SecretRegistry;
}

/** Said in the log. */
export type CloseReason = "shutdown" | "done" | "failed";

export interface Worker {
  readonly id: string;
  /** Resolves once this worker takes jobs. */
  start(): Promise<void>;
  /**
   * Take no more jobs, let running ones end within `graceMs`, then release the rest: they wait again, for another
   * worker, without having used an attempt. Always resolves, also when the store is gone. Idempotent.
   */
  close(reason?: CloseReason): Promise<void>;
}
