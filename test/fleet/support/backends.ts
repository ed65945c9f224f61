/** The two stores that everything of the fleet runs on, each as a real server of one test file. */

import {
  createQueueTelemetry,
  createSilentLogger,
  openQueueStore,
  type PostgresQueueStore,
  type QueueStore,
  type QueueUrl,
} from "@gitsync/runtime";
import { postmasterOf } from "../../runtime/support/embedded.ts";
import { startRedis } from "../../support/redis.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import type { RequirementName } from "../../support/requirement.ts";
import { eventually } from "./eventually.ts";
import { addressForDocumentedUser, refusalsOf, writeAclFile } from "./redis-user.ts";

export interface Backend extends AsyncDisposable {
  readonly url: QueueUrl;
  readonly store: QueueStore;
  /** Take the lock of a running job away, as an outage does. */
  stealLock(lane: string, queueJobId: string): Promise<void>;
  /** Forget everything, as between two tests. */
  reset(): Promise<void>;
  /** Do something while the store takes requests and answers none. */
  whileAway(action: () => Promise<void>): Promise<void>;
  /** End the server without a warning, and let it come back with what it had written. Resolves when it answers. */
  crash(): Promise<void>;
  /** Do something while the state can be written and jobs cannot be added to the lane of `target.test`. */
  whileQueueIsBroken(action: () => Promise<void>): Promise<void>;
}

export interface BackendKind {
  readonly name: "redis" | "embedded";
  readonly needs: RequirementName;
  open(): Promise<Backend>;
}

export const BACKENDS: readonly BackendKind[] = [
  { name: "redis", needs: "redis", open: openRedis },
  { name: "embedded", needs: "postgres", open: openEmbedded },
];

async function openRedis(): Promise<Backend> {
  await using stack = new AsyncDisposableStack();
  // What the system has not written to the disk yet is all that this may lose.
  const folder = stack.use(temporaryFolder("redis-user"));
  const users = folder.join("users.acl");
  await writeAclFile(users);
  const settings = { "--appendfsync": "no", "--aclfile": users };
  const server = stack.use(await startRedis({ settings }));
  const url = { kind: "redis", url: addressForDocumentedUser(server) } as const;
  stack.defer(async () => {
    const refusals = await refusalsOf(server);
    if (refusals.length > 0) throw new Error(`the documented rights are too few: ${refusals.join(", ")}`);
  });
  const store = await openQueueStore(url, {
    logger: createSilentLogger(),
    role: "both",
    telemetry: createQueueTelemetry(),
  });
  stack.defer(() => store.close());
  const owned = stack.move();
  return {
    url,
    store,
    stealLock: async (lane, id) => void (await server.command("DEL", `{gitsync}:${lane}:${id}:lock`)),
    reset: async () => void (await server.command("FLUSHALL")),
    whileAway: async (action) => {
      server.pause();
      try {
        await action();
      } finally {
        server.resume();
      }
    },
    crash: async () => {
      await server.kill();
      await server.restart();
      await answers(store);
    },
    whileQueueIsBroken: async (action) => {
      await server.command("SET", "{gitsync}:sync.target.test:meta", "not a hash");
      await action();
      await server.command("DEL", "{gitsync}:sync.target.test:meta");
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function openEmbedded(): Promise<Backend> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder("embedded"));
  const url = { kind: "embedded", directory: folder.path } as const;
  const store = await openQueueStore(url, {
    logger: createSilentLogger(),
    role: "both",
    telemetry: createQueueTelemetry(),
  });
  stack.defer(() => store.close());
  if (store.kind !== "postgres") throw new Error("the embedded store is a Postgres one");
  const { pool } = store;
  const owned = stack.move();
  return {
    url,
    store,
    stealLock: async (_lane, id) => {
      await pool.query(
        "update bullmq.job set lock_token = 'somebody else', locked_until_ms = 0 where id = $1",
        [id],
      );
    },
    reset: async () => {
      const { rows } = await pool.query<{ name: string }>(
        `select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
         where schemaname in ('gitsync', 'bullmq') and tablename not like '%migration%'`,
      );
      if (rows.length > 0) await pool.query(`truncate ${rows.map((row) => row.name).join(", ")} cascade`);
    },
    whileAway: (action) => whileLocked(pool, "gitsync.route", action),
    crash: async () => {
      // PostgreSQL's own signal for an immediate shutdown; the supervisor starts the server again.
      process.kill(postmasterOf(folder.path), "SIGQUIT");
      await answers(store);
    },
    whileQueueIsBroken: (action) => whileLocked(pool, "bullmq.job", action),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Resolves when a store that went away is back. */
async function answers(store: QueueStore): Promise<void> {
  const ask = (): Promise<boolean> =>
    store.ping(500).then(
      () => true,
      () => false,
    );
  await eventually("the store went away", async () => !(await ask()) || store.kind === "redis");
  await eventually("the store is back", ask);
}

/** Nobody else gets at the table meanwhile, not even to read. */
async function whileLocked(
  pool: PostgresQueueStore["pool"],
  table: string,
  action: () => Promise<void>,
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query(
      `begin; set local idle_in_transaction_session_timeout = 0; lock table ${table} in access exclusive mode`,
    );
    await action();
  } finally {
    await client.query("rollback");
    client.release();
  }
}
