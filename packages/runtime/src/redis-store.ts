/** The queue on Redis (or Valkey): connections, checks at start, BullMQ's queues and workers on top. */

import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import type { RedisOptions } from "ioredis";
import { DeadlineError, withDeadline } from "./deadline.ts";
import { errorText, RuntimeError } from "./errors.ts";
import type { Logger } from "./logger.ts";
import type { OpenQueueStoreOptions } from "./queue-store.ts";
import type { QueueUrl } from "./queue-url.ts";
import { printQueueUrl } from "./queue-url.ts";
import { redisGreeting } from "./redis-greeting.ts";
import type { RedisQueueStore } from "./queue-store.ts";
import { createErrorLog } from "./repeated-error-log.ts";

type RedisQueueUrl = QueueUrl & { readonly kind: "redis" };

/** The braces are a hash tag: every key of every lane lives in one slot of a cluster. */
const PREFIX = "{gitsync}";
const RECONNECT_MAX_MS = 1_000;
const CONNECT_TIMEOUT_MS = 3_000;
/**
 * A connection on which an answer is due for this long has died without a word (a failover, a firewall that forgot
 * it); another one is opened. Longer than a worker's longest wait for a job, which is ten seconds.
 */
const SILENT_MS = 15_000;
/** How soon a worker that lost its store tries again; BullMQ would wait 15 s. */
const RUN_RETRY_MS = 1_000;
/** What TLS says of a certificate whose authority nobody knows here. */
const UNTRUSTED = /self-signed certificate|unable to (?:verify|get)/u;
/** 6.2, which BullMQ asks for. */
const LEAST_VERSION = 602;

/**
 * Connect and check. Queues and state share one connection that fails at once while Redis is away; workers share
 * another one that waits for it to come back (each worker adds a blocking connection of its own).
 *
 * @throws {RuntimeError} `QUEUE_UNAVAILABLE` when Redis did not answer in time, `QUEUE_ACCESS_DENIED` when it
 * refused the credentials, `QUEUE_STORE_UNSUITABLE` when it is too old.
 */
export async function openRedisStore(
  queueUrl: RedisQueueUrl,
  options: Required<Pick<OpenQueueStoreOptions, "waitMs">> & OpenQueueStoreOptions,
): Promise<RedisQueueStore> {
  const { role, telemetry } = options;
  const logger = options.logger.child({ component: "queue-store" });
  const logError = createErrorLog(logger, "Redis connection failed");
  const connections: Redis[] = [];
  const open = async (
    settings: Pick<RedisOptions, "enableOfflineQueue" | "maxRetriesPerRequest">,
  ): Promise<Redis> => {
    const redis = new Redis(queueUrl.url, {
      lazyConnect: true,
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENT_MS,
      connectionName: "git-sync",
      retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 10), RECONNECT_MAX_MS),
      ...settings,
    });
    connections.push(redis);
    await waitUntilReady(redis, queueUrl, options);
    redis.on("error", logError);
    // Every queue and worker listens on the shared connection; the default limit of 10 would warn at lane 4.
    redis.setMaxListeners(0);
    return redis;
  };
  const disconnect = (): void => {
    for (const connection of connections) connection.disconnect();
  };

  try {
    const redis = await open({ enableOfflineQueue: false, maxRetriesPerRequest: 1 });
    const blocking = role === "producer" ? undefined : await open({ maxRetriesPerRequest: null });
    if (blocking !== undefined) leaveScriptsOut(blocking);
    await checkServer(redis, queueUrl, options);
    const stopWatching = logOutages(redis, logger);
    const queues = new Set<Queue>();
    const workers = new Set<Worker>();
    return {
      kind: "redis",
      prefix: PREFIX,
      redis,
      createQueue(name, queueOptions) {
        const queue = new Queue(name, {
          ...(telemetry !== undefined && { telemetry }),
          // The check was made above; per queue it would cost a round trip and print to the console.
          skipVersionCheck: true,
          ...queueOptions,
          connection: redis,
          prefix: PREFIX,
        });
        queue.on("error", logError);
        queues.add(queue);
        return queue;
      },
      createWorker(name, processor, workerOptions) {
        if (blocking === undefined) throw new TypeError("A queue store opened as producer has no workers");
        // Built inside a span, a worker would hang all its background work below that span for ever.
        const worker = context.with(ROOT_CONTEXT, () => {
          return new Worker(name, processor, {
            ...(telemetry !== undefined && { telemetry }),
            runRetryDelay: RUN_RETRY_MS,
            ...workerOptions,
            connection: blocking,
            prefix: PREFIX,
          });
        });
        worker.on("error", logError);
        workers.add(worker);
        return worker;
      },
      async ping(timeoutMs = 2_000) {
        await withDeadline(redis.ping(), timeoutMs).catch((error: unknown) => {
          throw unavailable(queueUrl, error);
        });
      },
      async close(deadlineMs = 5_000) {
        stopWatching();
        const closing = [
          ...[...workers].map(async (worker) => worker.close(true)),
          ...[...queues].map(async (queue) => queue.close()),
        ];
        await withDeadline(Promise.allSettled(closing), deadlineMs).catch(logError);
        const quitting = connections.map(async (connection) => connection.quit());
        await withDeadline(Promise.allSettled(quitting), Math.min(deadlineMs, 500)).catch(() => undefined);
        disconnect();
      },
    };
  } catch (error) {
    disconnect();
    throw error;
  }
}

/**
 * Each worker waits for jobs on a connection of its own, which BullMQ makes from the shared one and gives all of its
 * scripts, a class each. It runs none of them there, and at a hundred lanes they are a fifth of an idle worker's heap.
 */
function leaveScriptsOut(shared: Redis): void {
  const duplicate = shared.duplicate.bind(shared);
  shared.duplicate = (override) =>
    Object.assign(duplicate(override), { defineCommand: (): void => undefined });
}

async function waitUntilReady(
  redis: Redis,
  queueUrl: RedisQueueUrl,
  { waitMs, signal }: { readonly waitMs: number; readonly signal?: AbortSignal },
): Promise<void> {
  let lastError: unknown;
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const onError = (error: unknown): void => {
    lastError = error;
    if (/^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH)/.test(errorText(error))) {
      reject(
        new RuntimeError(
          "QUEUE_ACCESS_DENIED",
          `Redis at ${printQueueUrl(queueUrl)} refused the credentials: check user and password in GITSYNC_QUEUE_URL`,
          { url: printQueueUrl(queueUrl) },
        ),
      );
    }
  };
  redis.on("error", onError);
  redis.once("ready", resolve);
  redis.connect().catch(onError);
  try {
    await withDeadline(ready, waitMs, signal);
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    throw (await redisGreeting(queueUrl.url)).startsWith("-DENIED")
      ? deniedByProtectedMode(queueUrl)
      : unavailable(queueUrl, lastError ?? error);
  } finally {
    redis.off("error", onError);
    redis.off("ready", resolve);
  }
}

/** Redis without a password answers its own machine only, unless it is told otherwise. */
function deniedByProtectedMode(queueUrl: QueueUrl): RuntimeError {
  const url = printQueueUrl(queueUrl);
  return new RuntimeError(
    "QUEUE_ACCESS_DENIED",
    `Redis at ${url} serves its own machine only (protected mode): set a password there and give it in GITSYNC_QUEUE_URL`,
    { url },
  );
}

function unavailable(queueUrl: QueueUrl, cause: unknown): RuntimeError {
  const url = printQueueUrl(queueUrl);
  const text = errorText(cause);
  const remedy = UNTRUSTED.test(text)
    ? "name its authority's file in NODE_EXTRA_CA_CERTS"
    : "start it, or name another queue in GITSYNC_QUEUE_URL";
  return new RuntimeError(
    "QUEUE_UNAVAILABLE",
    `Redis at ${url} does not answer (${text}): ${remedy}`,
    { url },
    { cause },
  );
}

/** One line when the connection is lost, one when it is back. Returns how to stop. */
function logOutages(redis: Redis, logger: Logger): () => void {
  let lostAt: number | undefined;
  const onClose = (): void => {
    if (lostAt !== undefined) return;
    lostAt = performance.now();
    logger.warn("Redis went away, waiting for it to come back");
  };
  const onReady = (): void => {
    if (lostAt === undefined) return;
    logger.info({ outage_ms: Math.round(performance.now() - lostAt) }, "Redis is back");
    lostAt = undefined;
  };
  redis.on("close", onClose).on("ready", onReady);
  return () => {
    redis.off("close", onClose).off("ready", onReady);
  };
}

/**
 * Redis under an evicting policy drops jobs when its memory is full; an old one lacks commands that the queue's
 * scripts use, and would take hints and run none. Hosted ones may forbid the question.
 */
async function checkServer(
  redis: Redis,
  queueUrl: RedisQueueUrl,
  { logger }: OpenQueueStoreOptions,
): Promise<void> {
  const info = await redis.info().catch(() => "");
  const [version, major = "", minor = ""] = /^redis_version:((\d+)\.(\d+)\S*)/m.exec(info)?.slice(1) ?? [];
  if (version !== undefined && Number(major) * 100 + Number(minor) < LEAST_VERSION) {
    const url = printQueueUrl(queueUrl);
    throw new RuntimeError(
      "QUEUE_STORE_UNSUITABLE",
      `Redis at ${url} is version ${version}, which is too old: use 6.2 or newer, or name another queue in GITSYNC_QUEUE_URL`,
      { url, version },
    );
  }
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (policy !== undefined && policy !== "noeviction") {
    logger.warn(
      { maxmemory_policy: policy },
      "Redis may evict jobs when its memory is full: set maxmemory-policy to noeviction",
    );
  }
}
