/** The PostgreSQL process: started or adopted, watched, stopped. */

import { spawn } from "node:child_process";
import { Client } from "pg";
import { pause, withDeadline } from "../deadline.ts";
import { errorText, RuntimeError } from "../errors.ts";
import type { PostgresBinaries } from "./binaries.ts";
import type { BoundedLog } from "./bounded-log.ts";
import { readPassword, SERVER_ENVIRONMENT } from "./cluster.ts";
import type { ServerAccount } from "./directory.ts";
import { SERVER_DATABASE, SERVER_PORT, SERVER_USER } from "./layout.ts";
import type { EmbeddedLayout } from "./layout.ts";
import { readLines } from "./lines.ts";
import { findPostmaster, isRunning } from "./postmaster.ts";

/** A server that was killed replays its log before it takes connections. */
const START_TIMEOUT_MS = 45_000;
const POLL_MS = 10;
/** Backends of a postmaster that was killed notice it after a moment, and hold its shared memory until then. */
const STILL_HELD = /is still in use|lock file ".*" already exists/;
const HELD_RETRY_MS = 200;
const MAX_LINES = 20;
const WATCH_MS = 200;

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: "",
  unix_socket_permissions: "0700",
  // Each lane of each process keeps one connection for LISTEN.
  max_connections: "300",
  shared_buffers: "32MB",
  max_wal_size: "128MB",
  // No replication: less is written to the log.
  wal_level: "minimal",
  max_wal_senders: "0",
  // Containers often give /dev/shm 64 MB only; parallel queries would want it.
  max_parallel_workers_per_gather: "0",
  dynamic_shared_memory_type: "mmap",
  jit: "off",
  timezone: "UTC",
  log_timezone: "UTC",
  log_checkpoints: "off",
};

export interface EmbeddedServer {
  /** `undefined` when the program could not be started. */
  readonly pid: number | undefined;
  /** Resolves when the process is gone, for whatever reason. */
  readonly ended: Promise<void>;
  /** Disconnect everybody and stop; harder ways follow when that does not end it. */
  stop(): Promise<void>;
}

/**
 * The server of a data directory: the one that is running if it answers (its supervisor was killed), else a new one.
 *
 * @throws {RuntimeError} `EMBEDDED_START_FAILED`.
 */
export async function startServer(
  layout: EmbeddedLayout,
  binaries: PostgresBinaries,
  account: ServerAccount | undefined,
  log: BoundedLog,
): Promise<EmbeddedServer> {
  const running = await findPostmaster(layout.data);
  if (running !== undefined) {
    const adopted = watch(running.pid, whenGone(running.pid));
    if (await answers(layout, START_TIMEOUT_MS / 3)) {
      log.write(`adopted the server with process id ${running.pid}`);
      return adopted;
    }
    log.write(`stopping the server with process id ${running.pid}, which does not answer`);
    await adopted.stop();
  }
  const endsAt = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const { server, lines } = spawnServer(layout, binaries, account, log);
    if (await becomesReady(layout, server.ended, endsAt)) return server;
    await server.stop();
    const isHeld = lines.some((line) => STILL_HELD.test(line));
    if (isHeld && performance.now() < endsAt) {
      await pause(HELD_RETRY_MS);
      continue;
    }
    const reason = lines.findLast((line) => /FATAL|PANIC/.test(line)) ?? lines.at(-1) ?? "no message";
    throw new RuntimeError(
      "EMBEDDED_START_FAILED",
      `The embedded PostgreSQL did not start (${reason}): its log is ${layout.logFile}`,
      { log_file: layout.logFile },
    );
  }
}

function spawnServer(
  layout: EmbeddedLayout,
  binaries: PostgresBinaries,
  account: ServerAccount | undefined,
  log: BoundedLog,
): { readonly server: EmbeddedServer; readonly lines: readonly string[] } {
  const args = ["-D", layout.data, "-p", String(SERVER_PORT), "-k", layout.serverSocketDirectory];
  for (const [name, value] of Object.entries(SETTINGS)) args.push("-c", `${name}=${value}`);
  const child = spawn(binaries.postgres, args, {
    ...account,
    cwd: layout.data,
    env: SERVER_ENVIRONMENT,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const lines: string[] = [];
  readLines(child.stderr, (line) => {
    if (lines.push(line) > MAX_LINES) lines.shift();
    log.write(line);
  });
  child.once("error", (error) => {
    lines.push(errorText(error));
    resolve();
  });
  // After `exit` the last lines may still be on their way.
  child.once("close", () => {
    resolve();
  });
  return { server: watch(child.pid, ended), lines };
}

/** A client of the server; the caller connects and ends it. */
export async function createServerClient(layout: EmbeddedLayout): Promise<Client> {
  const client = new Client({
    host: layout.serverSocketDirectory,
    port: SERVER_PORT,
    user: SERVER_USER,
    database: SERVER_DATABASE,
    password: (await readPassword(layout)) ?? "",
    application_name: "git-sync supervisor",
    connectionTimeoutMillis: 2_000,
  });
  client.on("error", () => undefined);
  return client;
}

async function becomesReady(layout: EmbeddedLayout, ended: Promise<void>, endsAt: number): Promise<boolean> {
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));
  while (!hasEnded && performance.now() < endsAt) {
    if ((await findPostmaster(layout.data))?.isReady === true) return true;
    await pause(POLL_MS);
  }
  return false;
}

async function answers(layout: EmbeddedLayout, ms: number): Promise<boolean> {
  const endsAt = performance.now() + ms;
  while (performance.now() < endsAt && (await findPostmaster(layout.data)) !== undefined) {
    const client = await createServerClient(layout);
    try {
      await withDeadline(client.connect(), 2_000);
      await withDeadline(client.query("SELECT 1"), 2_000);
      return true;
    } catch {
      await pause(100);
    } finally {
      client.end().catch(() => undefined);
    }
  }
  return false;
}

function watch(pid: number | undefined, ended: Promise<void>): EmbeddedServer {
  return {
    pid,
    ended,
    async stop() {
      // A program that could not be started has no number, and 0 would mean this very process group.
      if (pid === undefined) return;
      // PostgreSQL: SIGINT is the fast shutdown, SIGQUIT the immediate one.
      for (const [signal, ms] of [
        ["SIGINT", 10_000],
        ["SIGQUIT", 5_000],
        ["SIGKILL", 5_000],
      ] as const) {
        try {
          process.kill(pid, signal);
        } catch {
          return;
        }
        const isOver = await withDeadline(
          ended.then(() => true),
          ms,
        ).catch(() => false);
        if (isOver) return;
      }
    },
  };
}

/** An adopted server is nobody's child here: only its process id tells that it is gone. */
async function whenGone(pid: number): Promise<void> {
  while (await isRunning(pid)) await pause(WATCH_MS);
}
