/** One BullMQ worker for each lane, opened as lanes come up. */

import type { Worker as QueueWorker } from "bullmq";
import { BACKOFF_TYPE, laneFor, SINGLE_LANE, type RouteStore } from "@gitsync/producer";
import { retryDelayMs, type TargetKey } from "@gitsync/jobs";
import type { Logger, QueueStore } from "@gitsync/runtime";
import { LockWatch } from "./lock-watch.ts";
import type { SyncProcessor } from "./process-sync-job.ts";
import type { StopReason } from "./stop-reason.ts";

const DISCOVER_MS = 1_000;

/** How the queue finds out that a worker died, and how it is never given up for that. */
const LOCKS = Object.freeze({
  lockDuration: 20_000,
  // A job whose worker is gone starts again at most this long after its lock has run out.
  stalledInterval: 10_000,
  // Our own count of starts without an end tells what kills workers from workers that are restarted.
  maxStalledCount: 1_000,
  // Seconds. Each look at an empty lane costs processor time, and what comes into a lane is announced: by the queue, and
  // of a job that was given back by whoever did so. Without word comes only what a worker left that died in between.
  drainDelay: 10,
  maximumRateLimitDelay: 5_000,
  runRetryDelay: 2_000,
});

/** Locks are renewed at least every ten seconds while their store answers; older ones are not relied on. */
const RENEWED_WITHIN_MS = 0.8 * LOCKS.lockDuration;

export interface LaneWorkersOptions {
  readonly store: QueueStore;
  readonly routes: RouteStore;
  readonly logger: Logger;
  readonly concurrency: number;
  readonly only: TargetKey | undefined;
  readonly createProcessor: (pauseLane: () => void) => SyncProcessor;
  /** A job failed and the queue has dealt with that: it is put off, or it is over. */
  readonly onJobFailed: (queueJobId: string) => void;
}

export class LaneWorkers {
  readonly #options: LaneWorkersOptions;
  readonly #workers = new Map<string, QueueWorker>();
  /** Lanes whose jobs found no slot, the longest waiting first. */
  readonly #paused = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #closing = false;

  constructor(options: LaneWorkersOptions) {
    this.#options = options;
  }

  /** Resolves when every lane that is known now takes jobs. */
  async open(): Promise<void> {
    await this.#discover();
    if (!this.#closing) this.#timer = setInterval(() => void this.#tick(), DISCOVER_MS);
  }

  /** Let the lane that waited longest try again. */
  resumeOne(): void {
    const [lane] = this.#paused;
    if (lane !== undefined) this.#resume(lane);
  }

  /** Stop fetching; resolves when no job runs any more. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#timer);
    await Promise.allSettled([...this.#workers.values()].map(async (worker) => worker.close()));
  }

  /** Tell every running job to stop. */
  stopAll(reason: StopReason): void {
    for (const worker of this.#workers.values()) worker.cancelAllJobs(reason);
  }

  async #tick(): Promise<void> {
    // A lane that was let on and had nothing to do leaves its slot to the others.
    for (const lane of this.#paused) this.#resume(lane);
    await this.#discover().catch((error: unknown) => {
      this.#options.logger.debug({ err: error }, "Cannot read the registry of lanes");
    });
  }

  async #discover(): Promise<void> {
    const opened = (await this.#wanted()).filter((lane) => !this.#workers.has(lane) && !this.#closing);
    await Promise.all(opened.map(async (lane) => this.#openLane(lane).waitUntilReady()));
  }

  async #wanted(): Promise<readonly string[]> {
    const { store, routes, only } = this.#options;
    if (only !== undefined) return [laneFor(store, only)];
    if (store.kind === "postgres") return [SINGLE_LANE];
    return await routes.lanes();
  }

  #openLane(lane: string): QueueWorker {
    const { store, logger, concurrency, createProcessor } = this.#options;
    const process = createProcessor(() => this.#pause(lane));
    const locks = new LockWatch({ limitMs: RENEWED_WITHIN_MS, onTooOld: (job) => lose([job]) });
    const processor: SyncProcessor = async (job, token, signal) => {
      const over = locks.begin(job.id ?? "");
      try {
        return await process(job, token, signal);
      } finally {
        over();
      }
    };
    if (processor.length !== 3) throw new TypeError("BullMQ cancels only processors with three parameters");
    const worker = store.createWorker(lane, processor, {
      ...LOCKS,
      concurrency,
      autorun: false,
      settings: {
        backoffStrategy: (attempt: number, type = "") =>
          type === BACKOFF_TYPE ? retryDelayMs(attempt, Math.random) : -1,
      },
    });
    const lose = (jobs: readonly string[]): void => {
      logger.warn({ lane, jobs }, "Lost the lock of running jobs; they are stopped");
      for (const job of jobs) worker.cancelJob(job, "lock-lost" satisfies StopReason);
    };
    worker.on("lockRenewalFailed", lose);
    worker.on("locksRenewed", ({ jobIds }) => locks.renewed(jobIds));
    worker.on("failed", (job) => {
      if (job?.id !== undefined) this.#options.onJobFailed(job.id);
    });
    worker.on("stalled", (job) =>
      logger.warn({ lane, queue_job_id: job }, "A job was taken over from a worker that is gone"),
    );
    worker.run().catch((error: unknown) => logger.error({ err: error, lane }, "The worker of a lane ended"));
    this.#workers.set(lane, worker);
    return worker;
  }

  #pause(lane: string): void {
    this.#paused.add(lane);
    this.#workers
      .get(lane)
      ?.pause(true)
      .catch(() => undefined);
  }

  #resume(lane: string): void {
    this.#paused.delete(lane);
    if (!this.#closing) void this.#workers.get(lane)?.resume();
  }
}
