/** A real redis-server of one test, on a free port, with its files in a temporary folder. */

import { connect } from "node:net";
import { once } from "node:events";
import { requireCommand } from "./commands.ts";
import { freePort } from "./free-port.ts";
import { startProcess, type RunningProcess } from "./process.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface RedisOptions {
  /** Write every command to disk before it is answered, as BullMQ's queue wants it. Default: true. */
  readonly appendonly?: boolean;
  /** Further settings: `{ "--maxmemory": "10mb" }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface RedisServer extends AsyncDisposable {
  /** `redis://127.0.0.1:<port>`; the same after a restart. */
  readonly url: string;
  readonly port: number;
  /** The folder that holds the append-only files. */
  readonly folder: string;
  readonly pid: number;
  /** End it in good order. */
  stop(): Promise<void>;
  /** End it with SIGKILL. */
  kill(): Promise<void>;
  /** Start it again on the same port and files; ends it first when it runs. */
  restart(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  /** Run one command and return the raw answer; for looking inside, not for the tests' own traffic. */
  command(...words: string[]): Promise<string>;
}

/** Start redis-server. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder("redis"));
  const port = await freePort();
  const settings = Object.entries({
    "--port": String(port),
    "--bind": "127.0.0.1",
    "--dir": folder.path,
    "--save": "",
    "--appendonly": (options.appendonly ?? true) ? "yes" : "no",
    "--appendfsync": "always",
    "--maxmemory-policy": "noeviction",
    "--daemonize": "no",
    ...options.settings,
  }).flat();
  const start = async (): Promise<RunningProcess> => {
    const started = startProcess(requireCommand("redis-server"), settings);
    await started.waitForLine(/Ready to accept connections/);
    return started;
  };
  let running = await start();
  stack.defer(() => running[Symbol.asyncDispose]());
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    running.signal("SIGCONT");
    await running.kill(signal);
  };
  const owned = stack.move();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    folder: folder.path,
    get pid() {
      return running.pid;
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    restart: async () => {
      await end("SIGTERM");
      running = await start();
    },
    pause: () => running.signal("SIGSTOP"),
    resume: () => running.signal("SIGCONT"),
    command: (...words) => ask(port, words),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function ask(port: number, words: readonly string[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const request = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("");
  socket.write(`*${words.length}\r\n${request}*1\r\n$4\r\nQUIT\r\n`);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "close");
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\+OK\r\n$/, "");
}
