/** Puts a worker together and takes it apart again. */

import { hostname } from "node:os";
import {
  Heartbeat,
  Lanes,
  newId,
  openFleetStore,
  openRouteStore,
  type FleetStore,
  type RouteStore,
} from "@gitsync/producer";
import {
  DEFAULT_FLEET_CONFIG,
  NO_METRICS,
  SecretRegistry,
  throughOutage,
  type FleetConfig,
} from "@gitsync/runtime";
import { CancelWatch } from "./cancel-watch.ts";
import { KnownRoutes } from "./known-routes.ts";
import { LaneWorkers } from "./lane-workers.ts";
import { MissedHints } from "./missed-hints.ts";
import { Notifier } from "./notify/notifier.ts";
import { createSyncProcessor, type ProcessorContext } from "./process-sync-job.ts";
import { Slots } from "./slots.ts";
import { RotationWatch } from "./sweep/rotation-watch.ts";
import { Sweeper } from "./sweep/sweeper.ts";
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
  #heartbeat: Heartbeat | undefined;
  #sweeper: Sweeper | undefined;
  #closed: Promise<void> | undefined;
  readonly #closing = new AbortController();

  constructor(options: WorkerOptions) {
    this.id = options.workerId ?? `${hostname()}-${newId().slice(-12)}`;
    this.#options = options;
    this.#lanes = new Lanes(options.store);
  }

  async start(): Promise<void> {
    const { store, logger, only, concurrency = DEFAULT_CONCURRENCY } = this.#options;
    const patiently = <T>(step: () => Promise<T>): Promise<T> =>
      throughOutage(step, { store, logger, signal: this.#closing.signal });
    const routes = this.#options.routes ?? (await patiently(() => openRouteStore(store)));
    const fleet = this.#options.fleet ?? (await patiently(() => openFleetStore(store)));
    if (this.#closed !== undefined) return;
    const heartbeat = (this.#heartbeat = this.#beatFor(fleet, concurrency));
    await patiently(() => heartbeat.start());
    const context = this.#context(routes, concurrency);
    const workers = (this.#workers = new LaneWorkers({
      store,
      routes,
      logger,
      concurrency,
      only,
      createProcessor: (pauseLane) => createSyncProcessor(context, pauseLane),
      onJobFailed: (queueJobId) => void context.missedHints.putOff(queueJobId),
    }));
    await patiently(() => workers.open());
    if (only === undefined && this.#closed === undefined) {
      this.#sweeper = this.#sweepFor(routes, fleet);
      this.#sweeper.start();
    }
    logger.info({ worker_id: this.id, concurrency }, "Worker takes jobs");
  }

  async close(reason: CloseReason = "shutdown"): Promise<void> {
    this.#closing.abort();
    this.#closed ??= this.#close(reason);
    await this.#closed;
  }

  #beatFor(fleet: FleetStore, capacity: number): Heartbeat {
    const { only, logger, config = unconfigured } = this.#options;
    // A worker that is here for one target has no say in what is configured.
    const configHash = (): string | undefined => (only === undefined ? config().hash : undefined);
    return new Heartbeat(fleet, () => ({ id: this.id, capacity, configHash: configHash() }), logger);
  }

  #sweepFor(routes: RouteStore, fleet: FleetStore): Sweeper {
    const { store, logger, config = unconfigured, metrics = NO_METRICS, notifyOutside } = this.#options;
    const { credentials } = this.#options;
    const way = { store, routes, lanes: this.#lanes, logger };
    const rotation = credentials && new RotationWatch({ way, fleet, credentials, logger });
    const notifier = new Notifier({ routes, fleet, config, logger, metrics, outside: notifyOutside });
    return new Sweeper({
      way,
      fleet,
      holder: this.id,
      config,
      logger,
      notifier,
      ...(rotation && { rotation }),
    });
  }

  #context(routes: RouteStore, concurrency: number): ProcessorContext {
    const { client, credentials, logger, only, onEvent, secrets = new SecretRegistry() } = this.#options;
    const { config = unconfigured, metrics = NO_METRICS } = this.#options;
    return {
      metrics,
      routes,
      client,
      credentials,
      logger: logger.child({ worker_id: this.id }),
      secrets,
      onEvent,
      only,
      workerId: this.id,
      known: new KnownRoutes(config),
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
    // It takes no new turn from here on, and has as long as the jobs to end the one it is in.
    const swept = endsWithin(this.#sweeper?.close() ?? Promise.resolve(), graceMs + RELEASE_MS);
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
    await swept;
    const quiet = this.#heartbeat?.stop() ?? Promise.resolve();
    await Promise.all([endsWithin(quiet, RELEASE_MS), endsWithin(this.#lanes.close(), RELEASE_MS)]);
  }
}

const unconfigured = (): FleetConfig => DEFAULT_FLEET_CONFIG;

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
