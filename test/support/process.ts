/** Real child processes: their lines, their end, and a way to be rid of them whatever happens. */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { forgetGroup, reapLater } from "./reaper.ts";

export interface ProcessOptions {
  readonly cwd?: string;
  /** The whole environment of the child, besides PATH. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningProcess extends AsyncDisposable {
  readonly pid: number;
  /** What the process wrote so far. */
  readonly output: { readonly stdout: string; readonly stderr: string };
  /** Settles when the process has ended and its output is complete. */
  readonly exited: Promise<ProcessExit>;
  /** The first line, past or to come, on either output that matches. Rejects when the process ends before. */
  waitForLine(pattern: RegExp, options?: { readonly timeoutMs?: number }): Promise<string>;
  write(text: string): void;
  /** Send a signal to this process alone, and wait for its end unless the signal lets it live. */
  kill(signal?: NodeJS.Signals): Promise<ProcessExit>;
  /** Send a signal without waiting: SIGSTOP, SIGCONT, SIGUSR2 … */
  signal(signal: NodeJS.Signals): void;
}

/** How long a line is waited for unless said otherwise. */
const LINE_TIMEOUT_MS = 30_000;
/** How long a process may take to end after SIGTERM before it is killed. */
const STOP_TIMEOUT_MS = 10_000;
/** How long the output of an ended process is waited for. */
const OUTPUT_TIMEOUT_MS = 1_000;

/** The runtime that this project pins; it runs TypeScript sources as they are. */
export const nodeCommand = process.execPath;

/** Start a program in a process group of its own. Disposing it ends the whole group. */
export function startProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): RunningProcess {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`cannot start ${command}`);
  const output = { stdout: "", stderr: "" };
  const lines = new LineWatch();
  for (const name of ["stdout", "stderr"] as const) {
    let rest = "";
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      parts.forEach((line) => lines.add(line));
    });
  }
  child.stdin.on("error", () => undefined);
  const killGroup = (): void => signalGroup(pid, "SIGKILL");
  reapLater(pid);
  const exited = endOf(child).finally(() => {
    lines.end(() => `${command} ended: ${output.stderr.slice(-2_000) || output.stdout.slice(-2_000)}`);
  });
  return {
    pid,
    output,
    exited,
    waitForLine: (pattern, { timeoutMs = LINE_TIMEOUT_MS } = {}) => lines.wait(pattern, timeoutMs),
    write: (text) => void child.stdin.write(text),
    kill: (signal = "SIGTERM") => {
      child.kill(signal);
      return exited;
    },
    signal: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGCONT");
        const ended = once(child, "exit");
        child.kill("SIGTERM");
        const timer = setTimeout(killGroup, STOP_TIMEOUT_MS);
        await ended;
        clearTimeout(timer);
      }
      killGroup(); // What the process left behind in its group.
      forgetGroup(pid);
      await exited;
    },
  };
}

/** Start a script of ours from its source. */
export function startScript(
  path: string,
  args: readonly string[] = [],
  options: ProcessOptions = {},
): RunningProcess {
  return startProcess(nodeCommand, ["--conditions=@gitsync/source", path, ...args], options);
}

/** Wait for a process to end and say how it went; for commands that end by themselves. */
export async function outcomeOf(
  running: RunningProcess,
): Promise<ProcessExit & { readonly stdout: string; readonly stderr: string }> {
  const exit = await running.exited;
  return { ...exit, ...running.output };
}

async function endOf(child: ChildProcess): Promise<ProcessExit> {
  const closed = once(child, "close");
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  // A child of the child that lives on may hold the pipes open.
  let timer: NodeJS.Timeout | undefined;
  const lateEnough = new Promise((resolve) => {
    timer = setTimeout(resolve, OUTPUT_TIMEOUT_MS);
  });
  await Promise.race([closed, lateEnough]);
  clearTimeout(timer);
  return { code, signal };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already.
  }
}

/** Remembers lines and wakes who waits for one. */
class LineWatch {
  readonly #lines: string[] = [];
  readonly #waiting = new Set<{
    pattern: RegExp;
    found: (line: string) => void;
    failed: (error: Error) => void;
  }>();
  #ended: (() => string) | undefined;

  add(line: string): void {
    this.#lines.push(line);
    for (const waiter of this.#waiting) if (waiter.pattern.test(line)) waiter.found(line);
  }

  end(reason: () => string): void {
    this.#ended = reason;
    for (const waiter of this.#waiting)
      waiter.failed(new Error(`no line matches ${waiter.pattern}: ${reason()}`));
  }

  wait(pattern: RegExp, timeoutMs: number): Promise<string> {
    const line = this.#lines.find((candidate) => pattern.test(candidate));
    if (line !== undefined) return Promise.resolve(line);
    if (this.#ended) return Promise.reject(new Error(`no line matches ${pattern}: ${this.#ended()}`));
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const waiter = { pattern, found: resolve, failed: reject };
    const timer = setTimeout(
      () =>
        reject(
          new Error(
            `no line matches ${pattern} within ${timeoutMs} ms: ${this.#lines.slice(-20).join("\n")}`,
          ),
        ),
      timeoutMs,
    );
    this.#waiting.add(waiter);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(waiter);
    });
  }
}
