/** Puts a worker together and takes it apart again. */

import { hostname } from "node:os";
import { Lanes, newId, openRouteStore, type RouteStore } from "@gitsync/producer";
import { SecretRegistry } from "@gitsync/runtime";
import { CancelWatch } from "./cancel-watch.ts";
import { LaneWorkers } from "./lane-workers.ts";
import { MissedHints } from "./missed-hints.ts";
import { createSyncProcessor, type ProcessorContext } from "./process-sync-job.ts";
import { Slots } from "./slots.ts";
import { TargetExclusion } from "./target-exclusion.ts";
import type { CloseReason, Worker, WorkerOptions } from "./worker.ts";

const DEFAULT_CONCURRENCY = 4;
const DEFAULT_GRACE_MS = 25_000;
/** For jobs to be handed back once their runs were told to stop. */
const RELEASE_MS = 5_000;

/** A worker that is not running yet. */
export function createWorker(options: WorkerOptions): Worker {
  return new FleetWorker(options);
}

class FleetWorker implements Worker {
  readonly id: string;
  readonly #options: WorkerOptions;
  readonly #lanes: Lanes;
  #workers: LaneWorkers | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: WorkerOptions) {
    this.id = options.workerId ?? `${hostname()}-${newId().slice(-12)}`;
    this.#options = options;
    this.#lanes = new Lanes(options.store);
  }

  async start(): Promise<void> {
    const { store, logger, only, concurrency = DEFAULT_CONCURRENCY } = this.#options;
    const routes = this.#options.routes ?? (await openRouteStore(store));
    if (this.#closed !== undefined) return;
    const context = this.#context(routes, concurrency);
    this.#workers = new LaneWorkers({
      store,
      routes,
      logger,
      concurrency,
      only,
      createProcessor: (pauseLane) => createSyncProcessor(context, pauseLane),
      onJobFailed: (queueJobId) => void context.missedHints.putOff(queueJobId),
    });
    await this.#workers.open();
    logger.info({ worker_id: this.id, concurrency }, "Worker takes jobs");
  }

  async close(reason: CloseReason = "shutdown"): Promise<void> {
    this.#closed ??= this.#close(reason);
    await this.#closed;
  }

  #context(routes: RouteStore, concurrency: number): ProcessorContext {
    const { client, credentials, logger, only, onEvent, secrets = new SecretRegistry() } = this.#options;
    return {
      routes,
      client,
      credentials,
      logger: logger.child({ worker_id: this.id }),
      secrets,
      onEvent,
      only,
      workerId: this.id,
      cancellations: new CancelWatch(routes),
      targets: new TargetExclusion(),
      lanes: this.#lanes,
      missedHints: new MissedHints(routes, this.#lanes, logger),
      slots: new Slots(concurrency, () => this.#workers?.resumeOne()),
    };
  }

  async #close(reason: CloseReason): Promise<void> {
    const { logger, graceMs = DEFAULT_GRACE_MS } = this.#options;
    logger.info({ worker_id: this.id, reason }, "Worker takes no more jobs");
    const drained = this.#workers?.close() ?? Promise.resolve();
    if (!(await endsWithin(drained, graceMs))) {
      this.#workers?.stopAll("shutdown");
      if (!(await endsWithin(drained, RELEASE_MS))) {
        logger.warn(
          { worker_id: this.id },
          "Gave up on handing jobs back; they are taken over once their locks run out",
        );
      }
    }
    await endsWithin(this.#lanes.close(), RELEASE_MS);
  }
}

async function endsWithin(promise: Promise<void>, ms: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  try {
    return await Promise.race([promise.then(() => true), late]);
  } catch {
    return true;
  } finally {
    clearTimeout(timer);
  }
}
