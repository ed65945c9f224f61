/** Where the queue lives: the seam between BullMQ's two stores and everything that enqueues, works or looks. */

import type { Processor, Queue, QueueOptions, Worker, WorkerOptions } from "bullmq";
import type { Redis } from "ioredis";
import type { Pool } from "pg";

interface QueueStoreBase {
  /**
   * A BullMQ queue of this store. Its `error` events are logged. Close it before the store.
   * An `add` can hang while the store is away: give it a deadline of your own.
   */
  createQueue(name: string, options?: Omit<QueueOptions, "connection" | "prefix">): Queue;
  /** A BullMQ worker of this store; not running yet when `autorun` is false. Its `error` events are logged. */
  createWorker(
    name: string,
    processor: Processor,
    options: Omit<WorkerOptions, "connection" | "prefix">,
  ): Worker;
  /** Resolves when the store answers, rejects with a `RuntimeError` `QUEUE_UNAVAILABLE` after `timeoutMs` (default 2,000). */
  ping(timeoutMs?: number): Promise<void>;
  /** Close what the store opened; at most `deadlineMs` (default 5,000). The embedded server stops when its last user leaves. */
  close(deadlineMs?: number): Promise<void>;
}

export interface RedisQueueStore extends QueueStoreBase {
  readonly kind: "redis";
  /** For state beside the queue: fails fast while Redis is away. Owned by the store. */
  readonly redis: Redis;
  /** Prefix of every key, hash-tagged: `{gitsync}`. */
  readonly prefix: string;
}

export interface PostgresQueueStore extends QueueStoreBase {
  readonly kind: "postgres";
  /** For state beside the queue, in the schema `gitsync`. Owned by the store. */
  readonly pool: Pool;
  /** True when the server is the embedded one: one lane is enough there. */
  readonly embedded: boolean;
}

export type QueueStore = RedisQueueStore | PostgresQueueStore;
