/**
 * The one place that starts git: a service of a local repository as a child process with pipes.
 *
 * Fixed arguments, `--` before the path, no shell, a clean environment, and a process group of its own, so
 * that a terminal's Ctrl-C reaches us and not the middle of a push.
 */

import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { sanitizeText } from "@gitsync/protocol";
import { SyncError } from "../../errors.ts";

/** Variables for child processes: `PATH`, `HOME` and the like. Nothing else of our environment reaches them. */
export type ChildEnvironment = Readonly<Record<string, string>>;

export const DEFAULT_CHILD_ENVIRONMENT: ChildEnvironment = Object.freeze({
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin",
});

/** How much of a child's standard error is kept for an error's message. */
const MAX_STDERR = 4_096;
/** How long a child that was asked to stop may take before it is killed. */
const KILL_AFTER_MS = 3_000;
/** How long a child may take to end after the goodbye. */
const FINISH_WITHIN_MS = 5_000;

export class GitChild {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #exited: Promise<number | undefined>;
  #stderr = "";
  #hasExited = false;

  constructor(args: readonly string[], environment: ChildEnvironment) {
    this.#child = spawn("git", [...args], {
      env: { LC_ALL: "C", GIT_TERMINAL_PROMPT: "0", ...environment },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    this.stdin = this.#child.stdin;
    this.stdout = this.#child.stdout;
    // A child that stops reading is seen by its answer or exit; the write error says nothing more.
    this.stdin.on("error", () => this.stdin.destroy());
    this.#child.stderr.on("data", (chunk: Buffer) => {
      if (this.#stderr.length < MAX_STDERR) this.#stderr += chunk.toString("latin1");
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        this.#stderr = `cannot start git: ${"code" in error ? String(error.code) : error.message}`;
        this.#hasExited = true;
        resolve(undefined);
      });
      this.#child.once("close", (code) => {
        this.#hasExited = true;
        resolve(code ?? undefined);
      });
    });
  }

  /** Resolves with the exit status; `undefined` when a signal ended the child or it could not start. */
  exit(): Promise<number | undefined> {
    return this.#exited;
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** What the child wrote to standard error, sanitised. */
  stderrText(): string {
    return sanitizeText(Buffer.from(this.#stderr, "latin1").toString("utf8"), { maxLength: 600 }).trim();
  }

  /** Say goodbye and let the child end by itself, as after a push its hooks may still run; then see to it. */
  async finish(goodbye: string): Promise<void> {
    if (!this.#hasExited) {
      if (!this.stdin.destroyed && !this.stdin.writableEnded) this.stdin.end(goodbye);
      this.#drain();
      const timer = setTimeout(() => void this.stop(), FINISH_WITHIN_MS);
      await this.#exited;
      clearTimeout(timer);
    }
    this.stdout.destroy();
  }

  /**
   * Close its input and end it; resolves when it is gone. A push without its end leaves the refs alone.
   *
   * For `graceMs` the missing input alone may end it: a receive-pack then tidies up, which a signal to it and its
   * helpers at once would make a race.
   */
  async stop(graceMs = 0): Promise<void> {
    this.stdin.destroy();
    const timers: NodeJS.Timeout[] = [];
    const after = (delayMs: number, action: () => void): void =>
      void timers.push(setTimeout(action, delayMs));
    const terminate = (): void => {
      // Output that nobody reads any more would keep the child from being seen as gone.
      this.stdout.destroy();
      this.#signal("SIGTERM");
    };
    if (this.#hasExited || graceMs === 0) terminate();
    else {
      this.#drain();
      after(graceMs, terminate);
    }
    after(graceMs + KILL_AFTER_MS, () => {
      this.#signal("SIGKILL");
      // A process that outlived the group may hold it open.
      this.#child.stderr.destroy();
    });
    await this.#exited;
    for (const timer of timers) clearTimeout(timer);
    this.stdout.destroy();
  }

  #drain(): void {
    // A reader that left its listener behind would keep the rest from flowing, and the child from ending.
    this.stdout.removeAllListeners("readable");
    this.stdout.resume();
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#hasExited) return;
    try {
      process.kill(-pid, signal);
    } catch {
      this.#child.kill(signal);
    }
  }
}

/** Run git to its end for its effect. */
export async function runGit(
  args: readonly string[],
  environment: ChildEnvironment,
  signal: AbortSignal,
): Promise<void> {
  const child = new GitChild(args, environment);
  const stop = (): void => void child.stop();
  signal.addEventListener("abort", stop, { once: true });
  child.stdin.end();
  child.stdout.resume();
  const status = await child.exit();
  signal.removeEventListener("abort", stop);
  signal.throwIfAborted();
  if (status === 0) return;
  throw new SyncError("LOCAL_FAILED", `git ${args[0] ?? ""} failed: ${child.stderrText() || "no message"}`, {
    status: status ?? "killed",
  });
}
