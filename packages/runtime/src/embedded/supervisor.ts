/**
 * Keeps one embedded server running for as long as any process uses it.
 *
 * A small process of its own, in a session of its own: Ctrl-C in a terminal reaches neither it nor the server, and
 * `kill -9` of every process of git-sync leaves nothing behind for longer than a few seconds. A process counts as a
 * user while its connection to the supervisor's socket is open, which the kernel closes with the process; no file
 * has to tell who is alive.
 */

import { rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { pause, withDeadline } from "../deadline.ts";
import { errorText } from "../errors.ts";
import { locateBinaries } from "./binaries.ts";
import type { PostgresBinaries } from "./binaries.ts";
import { createBoundedLog } from "./bounded-log.ts";
import type { BoundedLog } from "./bounded-log.ts";
import { prepareCluster } from "./cluster.ts";
import { prepareDirectory } from "./directory.ts";
import type { ServerAccount } from "./directory.ts";
import { startGuardian } from "./guardian.ts";
import type { Guardian } from "./guardian.ts";
import type { EmbeddedLayout } from "./layout.ts";
import { readLines } from "./lines.ts";
import { encodeLine, failedFrom, parseFromMember } from "./protocol.ts";
import type { FromSupervisor } from "./protocol.ts";
import { releaseOrphanedJobs } from "./release-orphaned-jobs.ts";
import { createServerClient, startServer } from "./server.ts";
import type { EmbeddedServer } from "./server.ts";
import { holdLock } from "./supervisor-lock.ts";

/** How long the server outlives users that were killed: long enough for a restarted process to find it. */
const LINGER_MS = 5_000;
/** How long a predecessor that is stopping may take. */
const LOCK_TIMEOUT_MS = 30_000;
/** After SIGTERM to the supervisor itself, e.g. when a machine goes down: users get their own grace first. */
const TERMINATE_GRACE_MS = 40_000;
/** How long a failure to start is told to those who ask. */
const FAILURE_MS = 1_000;
const MAX_RESTARTS = 5;
const RESTART_PAUSE_MS = 500;

/** As root, the binaries are shared by all directories of the machine. */
const SHARED_BINARIES = "/var/lib/git-sync";

/** Run until nobody needs the server; resolves with the process's exit status. */
export async function runSupervisor(
  layout: EmbeddedLayout,
  account: ServerAccount | undefined,
): Promise<number> {
  const log = createBoundedLog(layout.logFile);
  const isServedByOther = async (): Promise<boolean> => canConnect(layout.supervisorSocket);
  if (!(await holdLock(layout.lockFile, isServedByOther, LOCK_TIMEOUT_MS))) return 0;
  // A predecessor that was stopping until now has taken its sockets' folder away.
  await prepareDirectory(layout.directory, account);

  const supervisor = new Supervisor(layout, account, log);
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
  process.on("SIGTERM", () => {
    supervisor.terminate();
  });
  return supervisor.run();
}

class Supervisor {
  readonly #layout: EmbeddedLayout;
  readonly #account: ServerAccount | undefined;
  readonly #log: BoundedLog;
  /** Whoever said hello and did not leave; true once it was told to go ahead. */
  readonly #members = new Map<Socket, boolean>();
  readonly #over = Promise.withResolvers<number>();
  #server: EmbeddedServer | undefined;
  #guardian: Guardian | undefined;
  #started: Promise<void> | undefined;
  #admission: Promise<void> = Promise.resolve();
  #lingering: NodeJS.Timeout | undefined;
  #listener: Server | undefined;
  #isStopping = false;

  constructor(layout: EmbeddedLayout, account: ServerAccount | undefined, log: BoundedLog) {
    this.#layout = layout;
    this.#account = account;
    this.#log = log;
  }

  async run(): Promise<number> {
    this.#log.write(`supervisor ${process.pid} begins`);
    this.#started = this.#start();
    this.#started.catch(() => undefined);
    // Listening before the server is up: whoever starts meanwhile waits here instead of starting another one.
    await this.#listen();
    try {
      await this.#started;
      this.#linger();
    } catch (error) {
      this.#log.write(`the server did not start: ${errorText(error)}`);
      // Whoever started this process must still be able to connect and hear why.
      setTimeout(() => void this.#stop(1), FAILURE_MS);
    }
    return this.#over.promise;
  }

  terminate(): void {
    this.#log.write("asked to terminate");
    this.#listener?.close();
    setTimeout(() => void this.#stop(0), this.#members.size === 0 ? 0 : TERMINATE_GRACE_MS);
  }

  async #start(): Promise<void> {
    const binaries = await locateBinaries({
      copyTo:
        this.#account === undefined ? [this.#layout.directory] : [SHARED_BINARIES, this.#layout.directory],
      mustCopy: this.#account !== undefined,
    });
    await prepareCluster(this.#layout, binaries, this.#account);
    await this.#serve(binaries);
    void this.#keepAlive(binaries);
  }

  async #serve(binaries: PostgresBinaries): Promise<void> {
    this.#server = await startServer(this.#layout, binaries, this.#account, this.#log);
    this.#guardian?.dismiss();
    this.#guardian = startGuardian(this.#layout, this.#server.pid ?? 0);
  }

  /** A server that dies under its users comes back; their pools reconnect by themselves. */
  async #keepAlive(binaries: PostgresBinaries): Promise<void> {
    for (let restarts = 0; ; restarts++) {
      await this.#server?.ended;
      if (this.#isStopping) return;
      this.#log.write("the server ended unexpectedly");
      if (restarts >= MAX_RESTARTS) return this.#stop(1);
      await pause(RESTART_PAUSE_MS);
      try {
        await this.#serve(binaries);
      } catch (error) {
        this.#log.write(`the server did not come back: ${errorText(error)}`);
      }
    }
  }

  async #listen(): Promise<void> {
    await rm(this.#layout.supervisorSocket, { force: true });
    const listener = createServer((socket) => {
      this.#welcome(socket);
    });
    this.#listener = listener;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    listener.once("error", reject);
    listener.listen(this.#layout.supervisorSocket, resolve);
    await promise;
  }

  #welcome(socket: Socket): void {
    socket.on("error", () => undefined);
    socket.once("close", () => {
      if (this.#members.delete(socket)) this.#linger();
    });
    readLines(socket, (line) => {
      const message = parseFromMember(line);
      if (message?.type === "hello" && !this.#members.has(socket)) {
        clearTimeout(this.#lingering);
        this.#members.set(socket, false);
        this.#admission = this.#admission.then(async () => this.#admit(socket, message));
      } else if (message?.type === "leave" && this.#members.delete(socket)) {
        void this.#dismiss(socket);
      }
    });
  }

  /** One at a time: nobody may begin to work while the jobs of killed processes are being released. */
  async #admit(
    socket: Socket,
    { pid, rejoin }: { readonly pid: number; readonly rejoin: boolean },
  ): Promise<void> {
    if (!this.#members.has(socket)) return;
    const reply = await this.#prepare(socket, rejoin).catch(failedFrom);
    this.#log.write(`process ${pid} ${reply.type === "ready" ? "joined" : `was refused: ${reply.message}`}`);
    socket.write(encodeLine(reply));
  }

  async #prepare(socket: Socket, rejoin: boolean): Promise<FromSupervisor> {
    await this.#started;
    const isAlone = ![...this.#members.values()].includes(true);
    const releasedJobs = isAlone && !rejoin ? await this.#release() : 0;
    if (this.#members.has(socket)) this.#members.set(socket, true);
    return { type: "ready", releasedJobs };
  }

  async #release(): Promise<number> {
    const client = await createServerClient(this.#layout);
    try {
      await client.connect();
      const released = await releaseOrphanedJobs(client);
      if (released.length > 0) this.#log.write(`released ${released.length} jobs of processes that are gone`);
      return released.length;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** The last to leave waits until the server is stopped, so that nothing of it is left when it exits. */
  async #dismiss(socket: Socket): Promise<void> {
    if (this.#members.size === 0) await this.#stop(0);
    socket.end();
  }

  #linger(): void {
    clearTimeout(this.#lingering);
    if (this.#members.size > 0) return;
    this.#lingering = setTimeout(() => void this.#stop(0), LINGER_MS);
  }

  async #stop(status: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#listener?.close();
    await this.#server?.stop();
    this.#guardian?.dismiss();
    await rm(this.#layout.runDirectory, { recursive: true, force: true });
    this.#log.write(`supervisor ${process.pid} ends`);
    this.#over.resolve(status);
  }
}

async function canConnect(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.once("connect", () => {
    resolve(true);
  });
  socket.once("error", () => {
    resolve(false);
  });
  return withDeadline(promise, 1_000)
    .catch(() => false)
    .finally(() => socket.destroy());
}
