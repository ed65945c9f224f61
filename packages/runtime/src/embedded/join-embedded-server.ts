/**
 * A process's place at the embedded server: joins the one that runs on a directory, or starts it.
 *
 * The server belongs to its supervisor, never to the process that happened to come first; see `supervisor.ts`.
 */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { close, open } from "node:fs";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ClientConfig } from "pg";
import { DeadlineError, pause, withDeadline } from "../deadline.ts";
import { RuntimeError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { readPassword } from "./cluster.ts";
import { findServerAccount, prepareDirectory } from "./directory.ts";
import { SERVER_DATABASE, SERVER_PORT, SERVER_USER } from "./layout.ts";
import type { EmbeddedLayout } from "./layout.ts";
import { readLines } from "./lines.ts";
import { encodeLine, parseFromSupervisor } from "./protocol.ts";

/** A first start copies binaries and makes a data directory; one after a crash replays the log. */
const JOIN_TIMEOUT_MS = 60_000;
const RETRY_MS = 15;
const REJOIN_MS = 500;
const MAX_SPAWNS = 4;

export interface EmbeddedMembership {
  /** How to connect to the server. */
  readonly config: ClientConfig;
  readonly logFile: string;
  /** Leave once every connection is closed. The last one to leave returns when the server is stopped. */
  leave(deadlineMs: number): Promise<void>;
}

/**
 * Join the server of a directory. Returns once it takes connections and no job of a killed process is left active.
 *
 * @throws {RuntimeError} one of the `EMBEDDED_…` codes.
 */
export async function joinEmbeddedServer(
  directory: string,
  { logger: parent, signal }: { readonly logger: Logger; readonly signal?: AbortSignal },
): Promise<EmbeddedMembership> {
  const logger = parent.child({ component: "embedded-queue" });
  const layout = await prepareDirectory(directory, await findServerAccount());
  const leaving = new AbortController();
  let socket = await join(layout, logger, { rejoin: false, ...(signal !== undefined && { signal }) });

  const onLost = (): void => {
    if (leaving.signal.aborted) return;
    logger.warn("The embedded queue lost its supervisor, starting another one");
    void rejoin();
  };
  const rejoinWhenLost = (): void => {
    if (socket.destroyed) onLost();
    else socket.once("close", onLost);
  };
  const rejoin = async (): Promise<void> => {
    while (!leaving.signal.aborted) {
      try {
        socket = await join(layout, logger, { rejoin: true, signal: leaving.signal });
        rejoinWhenLost();
        return;
      } catch (error) {
        if (leaving.signal.aborted) return;
        logger.warn({ err: error }, "The embedded queue could not be joined again");
        await pause(REJOIN_MS, leaving.signal).catch(() => undefined);
      }
    }
  };
  rejoinWhenLost();

  return {
    logFile: layout.logFile,
    config: {
      host: layout.serverSocketDirectory,
      port: SERVER_PORT,
      user: SERVER_USER,
      database: SERVER_DATABASE,
      password: (await readPassword(layout)) ?? "",
    },
    async leave(deadlineMs) {
      leaving.abort();
      if (socket.destroyed) return;
      const { promise: closed, resolve } = Promise.withResolvers<void>();
      socket.once("close", () => {
        resolve();
      });
      socket.ref();
      socket.write(encodeLine({ type: "leave" }));
      await withDeadline(closed, deadlineMs).catch(() => {
        logger.warn("The embedded queue did not stop in time; its supervisor goes on stopping it");
      });
      socket.destroy();
    },
  };
}

async function join(
  layout: EmbeddedLayout,
  logger: Logger,
  options: { readonly rejoin: boolean; readonly signal?: AbortSignal },
): Promise<Socket> {
  const endsAt = performance.now() + JOIN_TIMEOUT_MS;
  let supervisor: ChildProcess | undefined;
  let spawns = 0;
  while (performance.now() < endsAt) {
    const socket = await connectTo(layout.supervisorSocket, options.signal);
    if (socket !== undefined) {
      const isIn = await ask(socket, logger, { ...options, ms: endsAt - performance.now() });
      if (isIn) return socket;
    }
    // One that lost the race for the lock ends by itself; then the winner listens, or has just left.
    const isStarting =
      supervisor !== undefined && supervisor.exitCode === null && supervisor.signalCode === null;
    if (socket === undefined && !isStarting) {
      if (spawns >= MAX_SPAWNS && supervisor?.exitCode !== 0) break;
      supervisor = await spawnSupervisor(layout);
      spawns += 1;
    }
    await pause(RETRY_MS, options.signal);
  }
  const lastLines = (await readFile(layout.logFile, "utf8").catch(() => "")).trimEnd().split("\n").slice(-3);
  throw new RuntimeError(
    "EMBEDDED_START_FAILED",
    `The embedded queue in ${layout.directory} did not start: its log is ${layout.logFile}`,
    { directory: layout.directory, log: lastLines },
  );
}

/** In a session of its own, with nothing of this process's environment: it lives longer and needs no secret. */
async function spawnSupervisor(layout: EmbeddedLayout): Promise<ChildProcess> {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const main = fileURLToPath(new URL(`./supervisor-main.${extension}`, import.meta.url));
  const log = await promisify(open)(layout.logFile, "a", 0o600);
  try {
    const child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", "--max-old-space-size=64", main, layout.directory],
      {
        detached: true,
        cwd: layout.directory,
        env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
        stdio: ["ignore", log, log],
      },
    );
    child.on("error", () => undefined);
    child.unref();
    return child;
  } finally {
    await promisify(close)(log);
  }
}

async function connectTo(path: string, signal: AbortSignal | undefined): Promise<Socket | undefined> {
  const { promise, resolve } = Promise.withResolvers<Socket | undefined>();
  const socket = connect(path);
  socket.once("connect", () => {
    resolve(socket);
  });
  socket.on("error", () => {
    resolve(undefined);
  });
  return withDeadline(promise, 2_000, signal).catch((error: unknown) => {
    socket.destroy();
    if (error instanceof DeadlineError) return undefined;
    throw error;
  });
}

/** True once the server is ready for this process, false when the supervisor left meanwhile. */
async function ask(
  socket: Socket,
  logger: Logger,
  { rejoin, ms, signal }: { readonly rejoin: boolean; readonly ms: number; readonly signal?: AbortSignal },
): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  readLines(socket, (line) => {
    const message = parseFromSupervisor(line);
    if (message?.type === "failed") reject(new RuntimeError(message.code, message.message));
    if (message?.type !== "ready") return;
    if (message.releasedJobs > 0) {
      logger.info(
        { released_jobs: message.releasedJobs },
        "Jobs of killed processes were put back to waiting",
      );
    }
    resolve(true);
  });
  socket.once("close", () => {
    resolve(false);
  });
  socket.write(encodeLine({ type: "hello", pid: process.pid, rejoin }));
  try {
    const isIn = await withDeadline(promise, ms, signal);
    // An idle membership does not keep a process alive; the kernel ends it with the process.
    if (isIn) socket.unref();
    return isIn;
  } catch (error) {
    socket.destroy();
    if (error instanceof DeadlineError) return false;
    throw error;
  }
}
