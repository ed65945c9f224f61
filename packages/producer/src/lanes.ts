/** Puts jobs into lanes. The one place that adds to a queue. */

import type { JobsOptions, Queue } from "bullmq";
import {
  jobPriority,
  MAX_ATTEMPTS,
  SYNC_JOB_NAME,
  type SyncJobData,
  type TargetKey,
  type Trigger,
} from "@gitsync/jobs";
import type { QueueStore } from "@gitsync/runtime";
import { newId } from "./ids.ts";
import { laneFor } from "./lane.ts";
import { pullsForward } from "./state/query.ts";

/** Name of the back-off that the workers implement. */
export const BACKOFF_TYPE = "full-jitter";

const JOB_OPTIONS = Object.freeze({
  attempts: MAX_ATTEMPTS,
  backoff: { type: BACKOFF_TYPE },
  // What happened is kept by the route store; the queue needs its finished jobs for nothing.
  removeOnComplete: { age: 3_600, count: 1_000 },
  removeOnFail: { age: 24 * 3_600, count: 1_000 },
  keepLogs: 50,
  stackTraceLimit: 3,
  sizeLimit: 16_384,
} satisfies JobsOptions);

export interface LaneJob {
  readonly target: TargetKey;
  readonly trigger: Trigger;
  /** Jobs of the same tenant that wait. */
  readonly tenantPending: number;
  /** Never used before. */
  readonly id?: string;
}

/** The queues of a store, opened when they are first needed. */
export class Lanes {
  readonly #store: QueueStore;
  readonly #queues = new Map<string, Queue>();

  constructor(store: QueueStore) {
    this.#store = store;
  }

  /**
   * Say in the target's lane that it may be stale.
   *
   * One job of a target waits at most: an add while one waits is dropped, an add while one runs becomes one
   * follow-up. Can hang while the store is away: give it a deadline.
   */
  async add(job: LaneJob): Promise<void> {
    const { target, trigger, id = newId() } = job;
    const queue = this.#queue(laneFor(this.#store, target));
    const priority = jobPriority(trigger, job.tenantPending);
    const data: SyncJobData = { v: 1, target };
    const added = await queue.add(SYNC_JOB_NAME, data, {
      ...JOB_OPTIONS,
      // An id that comes back while its finished job is retained takes the target's key for ever (on Postgres).
      jobId: id,
      priority,
      deduplication: {
        id: target,
        keepLastIfActive: true,
        ...(pullsForward(trigger) && { reschedule: true }),
      },
    });
    if (added.id !== id && added.id !== undefined && pullsForward(trigger))
      await raise(queue, added.id, priority);
  }

  /** Give the job of a target that waits an urgency that it has not yet; one that runs or backs off is left alone. */
  async raise(target: TargetKey, trigger: Trigger): Promise<void> {
    const queue = this.#queue(laneFor(this.#store, target));
    const id = await queue.getDeduplicationJobId(target);
    if (id !== null) await raise(queue, id, jobPriority(trigger, 0));
  }

  /**
   * Have a worker with room look for the target's job now. One that is given back into a queue on Redis is announced to
   * nobody: the others would come upon it when they next look by themselves.
   */
  async announce(target: TargetKey): Promise<void> {
    // BullMQ's word for it; the queues of lanes are never paused.
    await this.#queue(laneFor(this.#store, target)).resume();
  }

  /** Whether a job of a target waits, backs off or runs, by what the queue knows. */
  async holds(target: TargetKey): Promise<boolean> {
    const queue = this.#queue(laneFor(this.#store, target));
    const id = await queue.getDeduplicationJobId(target);
    if (id === null) return false;
    // A key may be left of a job that is gone.
    const job = await queue.getJob(id);
    return job !== undefined && job.finishedOn === undefined;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#queues.values()].map(async (queue) => queue.close()));
    this.#queues.clear();
  }

  #queue(lane: string): Queue {
    const known = this.#queues.get(lane);
    if (known !== undefined) return known;
    const queue = this.#store.createQueue(lane);
    this.#queues.set(lane, queue);
    return queue;
  }
}

/** The job that waits keeps the priority it was added with; somebody more urgent asks for the same now. */
async function raise(queue: Queue, id: string, priority: number): Promise<void> {
  const waiting = await queue.getJob(id);
  if (waiting !== undefined && waiting.priority > priority) {
    // It may have started or gone meanwhile; then there is nothing to raise.
    await waiting.changePriority({ priority }).catch(() => undefined);
  }
}
