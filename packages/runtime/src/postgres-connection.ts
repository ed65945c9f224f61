/**
 * The queue on PostgreSQL, embedded or not: migrations before the first queue, one pool, BullMQ on top.
 *
 * A BullMQ queue or worker built while the server is away or the schema is missing never recovers, so nothing is
 * built before the server answered and was migrated.
 */

import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import {
  assertSchemaCompatibility,
  createPostgresBackend,
  DEFAULT_SCHEMA,
  isPgPool,
  LATEST_SCHEMA_VERSION,
  Queue,
  runMigrations,
  SchemaVersionMismatchError,
  UnsupportedPostgresVersionError,
  Worker,
} from "bullmq";
import type { BackendFactory, IQueueBackend, RedisQueueBackend } from "bullmq";
import { Client, Pool } from "pg";
import type { ClientConfig } from "pg";
import { pause, withDeadline } from "./deadline.ts";
import { errorCode, errorText, RuntimeError } from "./errors.ts";
import type { OpenQueueStoreOptions } from "./queue-store.ts";
import type { PostgresQueueStore } from "./queue-store.ts";
import { watchListeners } from "./postgres-listeners.ts";
import { createErrorLog } from "./repeated-error-log.ts";

/** Connections for short queries; each worker adds one that it keeps for LISTEN. */
const BASE_CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 3_000;
/** How soon a worker that lost its store tries again; BullMQ would wait 15 s. */
const RUN_RETRY_MS = 1_000;
const RETRY_MS = 100;
const KEEP_ALIVE_MS = 10_000;
/**
 * A statement that took this long is ended by the server, and so is a transaction in which nothing happened: what a
 * worker that was cut off has locked is free again, however long its connection seems to live.
 */
const STATEMENT_MS = 15_000;
/** A connection on which an answer is due for this long has died without a word; it is closed. */
const SILENT_MS: number = STATEMENT_MS + 1_000;
/** Tables may be large. */
const MIGRATION_MS = 10 * 60_000;
const SERVER_LIMITS = `-c statement_timeout=${STATEMENT_MS} -c idle_in_transaction_session_timeout=${STATEMENT_MS}`;

/** A server and what to say when it cannot be used. */
export interface PostgresServer {
  readonly config: ClientConfig;
  readonly embedded: boolean;
  unavailable(cause: unknown): RuntimeError;
  accessDenied(cause: unknown): RuntimeError;
  /** Runs last in `close()`, after the pool is empty. */
  leave?(deadlineMs: number): Promise<void>;
}

/** Wait for the server, migrate, open the pool. */
export async function connectPostgresStore(
  server: PostgresServer,
  options: Required<Pick<OpenQueueStoreOptions, "waitMs">> & OpenQueueStoreOptions,
): Promise<PostgresQueueStore> {
  const { role, telemetry } = options;
  const logError = createErrorLog(
    options.logger.child({ component: "queue-store" }),
    "PostgreSQL connection failed",
  );
  await prepareSchema(server, options);

  const pool = new Pool({ ...clientConfig(server.config), max: BASE_CONNECTIONS });
  const clients = trackClients(pool);
  const stopWatching = watchListeners(clients);
  let isClosing = false;
  const onError = (error: unknown): void => {
    if (!isClosing) logError(error);
  };
  pool.on("error", onError);
  // Every queue and worker listens on the shared pool.
  pool.setMaxListeners(0);
  const queues = new Set<Queue>();
  const workers = new Set<Worker>();
  const backend = createBackendOn(pool);
  const common = telemetry === undefined ? {} : { telemetry };

  return {
    kind: "postgres",
    embedded: server.embedded,
    pool,
    createQueue(name, queueOptions) {
      const queue = new Queue(name, { ...common, ...queueOptions, connection: {} }, backend);
      queue.on("error", onError);
      queues.add(queue);
      return queue;
    },
    createWorker(name, processor, workerOptions) {
      if (role === "producer") throw new TypeError("A queue store opened as producer has no workers");
      pool.options.max += 1;
      // Built inside a span, a worker would hang all its background work below that span for ever.
      const worker = context.with(ROOT_CONTEXT, () => {
        return new Worker(
          name,
          processor,
          { ...common, runRetryDelay: RUN_RETRY_MS, ...workerOptions, connection: {} },
          backend,
        );
      });
      worker.on("error", onError);
      workers.add(worker);
      return worker;
    },
    async ping(timeoutMs = 2_000) {
      await withDeadline(pool.query("SELECT 1"), timeoutMs).catch((error: unknown) => {
        throw server.unavailable(error);
      });
    },
    async close(deadlineMs = 5_000) {
      isClosing = true;
      stopWatching();
      const endsAt = performance.now() + deadlineMs;
      const left = (): number => Math.max(100, endsAt - performance.now());
      const closing = [
        ...[...workers].map(async (worker) => worker.close(true)),
        ...[...queues].map(async (queue) => queue.close()),
      ];
      await withDeadline(Promise.allSettled(closing), deadlineMs).catch(logError);
      // The pool waits for every client that is checked out, e.g. by a query that never returns.
      await withDeadline(closePool(pool, clients), left() / 2).catch(() => {
        for (const client of clients) client.end().catch(() => undefined);
      });
      await server.leave?.(left());
    },
  };
}

/**
 * BullMQ's Postgres backend on one shared pool, under the type that `Queue` and `Worker` have by default. The two
 * backends differ in type only through `getBackend()`, which nobody calls on a store whose kind he does not know.
 */
function createBackendOn(pool: unknown): BackendFactory<RedisQueueBackend> {
  if (!isPgPool(pool)) throw new TypeError("BullMQ does not take this pool");
  const factory: BackendFactory<IQueueBackend> = (name, options, factoryOptions) =>
    createPostgresBackend(name, { ...options, connection: pool }, factoryOptions);
  return factory as BackendFactory<RedisQueueBackend>;
}

/** The pool's open connections, kept up to date. */
function trackClients(pool: Pool): ReadonlySet<Client> {
  const clients = new Set<Client>();
  pool.on("connect", (client) => {
    clients.add(client);
    // The pool listens to idle clients only. One that is in use when the server ends tells its query, and would
    // then end the process with an event that nobody listens to.
    client.on("error", () => undefined);
  });
  pool.on("remove", (client) => clients.delete(client));
  return clients;
}

/** `pool.end()` resolves before its connections are closed; a server told to stop meanwhile would cut them off. */
async function closePool(pool: Pool, clients: ReadonlySet<Client>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  pool.on("remove", () => {
    if (clients.size === 0) resolve();
  });
  await pool.end();
  if (clients.size > 0) await promise;
}

/** For short queries; `migrates` for those that may take long. */
function clientConfig(config: ClientConfig, migrates = false): ClientConfig {
  // The SQL of BullMQ names its tables without a schema. What the address itself sets stays.
  const flags = `-c search_path=${DEFAULT_SCHEMA}`;
  return {
    ...config,
    ...withOptions(config, migrates ? flags : `${flags} ${SERVER_LIMITS}`),
    query_timeout: migrates ? MIGRATION_MS : SILENT_MS,
    application_name: "git-sync",
    keepAlive: true,
    // Without it the system asks after two hours whether a silent connection is still there, and a worker that
    // listens on one hears of no job until then.
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  };
}

/** `options` inside a connection string would win over the field beside it, so the flags are joined where they are. */
function withOptions(config: ClientConfig, flags: string): ClientConfig {
  if (config.connectionString === undefined) return { options: flags };
  const url = new URL(config.connectionString);
  const own = url.searchParams.get("options");
  if (own === null) return { options: flags };
  url.searchParams.set("options", `${own} ${flags}`);
  return { connectionString: url.href };
}

interface Preparing {
  readonly waitMs: number;
  readonly signal?: AbortSignal;
}

async function prepareSchema(server: PostgresServer, preparing: Preparing): Promise<void> {
  const version = await usingClient(server, preparing, schemaVersion);
  if (version < LATEST_SCHEMA_VERSION) {
    await usingClient(server, { ...preparing, migrates: true }, (client) => runMigrations(client));
  }
}

async function usingClient<T>(
  server: PostgresServer,
  preparing: Preparing & { readonly migrates?: boolean },
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connectWithin(server, preparing);
  try {
    return await use(client);
  } catch (error) {
    if (error instanceof SchemaVersionMismatchError || error instanceof UnsupportedPostgresVersionError) {
      throw new RuntimeError(
        "QUEUE_STORE_UNSUITABLE",
        `The PostgreSQL server cannot hold the queue (${errorText(error)}): use PostgreSQL 14 or newer and one version of git-sync`,
        {},
        { cause: error },
      );
    }
    throw isRefusal(error) ? server.accessDenied(error) : server.unavailable(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The schema's version, 0 when there is none: an account that may not create schemas can use a finished one. */
async function schemaVersion(client: Client): Promise<number> {
  const { rows } = await client.query<{ exists: boolean }>("SELECT to_regclass($1) IS NOT NULL AS exists", [
    `${DEFAULT_SCHEMA}.migration`,
  ]);
  return rows[0]?.exists === true ? assertSchemaCompatibility(client, DEFAULT_SCHEMA) : 0;
}

async function connectWithin(
  server: PostgresServer,
  { waitMs, signal, migrates }: Preparing & { readonly migrates?: boolean },
): Promise<Client> {
  const endsAt = performance.now() + waitMs;
  for (;;) {
    const left = Math.max(1, endsAt - performance.now());
    const client = new Client({
      ...clientConfig(server.config, migrates),
      connectionTimeoutMillis: Math.min(CONNECT_TIMEOUT_MS, left),
    });
    client.on("error", () => undefined);
    try {
      await withDeadline(client.connect(), left, signal);
      return client;
    } catch (error) {
      client.end().catch(() => undefined);
      signal?.throwIfAborted();
      if (isRefusal(error)) throw server.accessDenied(error);
      if (performance.now() + RETRY_MS >= endsAt) throw server.unavailable(error);
      await pause(RETRY_MS, signal);
    }
  }
}

/** PostgreSQL error classes 28 (authorization), 3D (no such database) and 42501 (privilege). */
function isRefusal(error: unknown): boolean {
  return /^(28...|3D...|42501)$/.test(errorCode(error) ?? "");
}
