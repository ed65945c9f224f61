/** Where the queue lives: the seam between BullMQ's two stores and everything that enqueues, works or looks. */

import type { Processor, Queue, QueueOptions, Telemetry, Worker, WorkerOptions } from "bullmq";
import type { Redis } from "ioredis";
import type { Pool } from "pg";
import type { Logger } from "./logger.ts";

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

/** How a store is opened. */
export interface OpenQueueStoreOptions {
  readonly logger: Logger;
  /** What the process does with the queue: `producer` opens fewer connections and cannot make workers. */
  readonly role: "producer" | "worker" | "both";
  /** Stops waiting for the store. */
  readonly signal?: AbortSignal;
  /** Given to every queue and worker; see `createTelemetry`. */
  readonly telemetry?: Telemetry;
  /** How long to wait for a server that does not answer yet. Default: 5,000. The embedded one has its own limit. */
  readonly waitMs?: number;
}
