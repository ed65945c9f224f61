/**
 * A git service behind a child process: git itself, ssh, or a remote helper.
 *
 * Fixed arguments, no shell, a clean environment, and a process group of its own, so that a terminal's Ctrl-C
 * reaches us and not the middle of a push. What may be started, and with which arguments, is decided in one module
 * for each program.
 */

import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { sanitizeText } from "@gitsync/protocol";
import type { SyncError } from "../../errors.ts";
import type { BreakOff, Channel } from "./channel.ts";

/** Variables for child processes: `PATH`, `HOME` and the like. Nothing else of our environment reaches them. */
export type ChildEnvironment = Readonly<Record<string, string>>;

export const DEFAULT_CHILD_ENVIRONMENT: ChildEnvironment = Object.freeze({
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin",
});

/** How a child ended, for whoever has to explain it. */
export interface ProcessEnd {
  readonly when: BreakOff;
  /** The system's code when the program could not be started, such as `ENOENT`. */
  readonly startError: string | undefined;
  /** `undefined` when a signal ended it. */
  readonly status: number | undefined;
  /** The last that it wrote to standard error, sanitised, as an error may repeat it. */
  readonly said: string;
  /** More of the same, as it came: only to be searched. */
  readonly stderr: string;
}

export interface ServiceProcessOptions {
  readonly command: "git" | "ssh";
  readonly args: readonly string[];
  readonly environment: ChildEnvironment;
  /** Makes an error of an end that was none of ours; none when the end says nothing. */
  readonly explain: (end: ProcessEnd) => SyncError | undefined;
}

/** How much of a child's standard error is kept: its end, where programs say what went wrong. */
const MAX_STDERR = 4_096;
/** How much of it an error repeats. */
const MAX_SAID = 600;
/** How long a child that was asked to stop may take before it is killed. */
const KILL_AFTER_MS = 3_000;
/** How long a child may take to end after the goodbye. */
const FINISH_WITHIN_MS = 5_000;

export class ServiceProcess implements Channel {
  readonly input: Writable;
  readonly output: Readable;
  readonly endsInput = true;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #exited: Promise<number | undefined>;
  readonly #explain: ServiceProcessOptions["explain"];
  #stderr = "";
  #startError: string | undefined;
  #status: number | undefined;
  #hasExited = false;
  /** We ended it; its end explains nothing then. */
  #isOurEnd = false;

  constructor(options: ServiceProcessOptions) {
    this.#explain = options.explain;
    this.#child = spawn(options.command, [...options.args], {
      env: { LC_ALL: "C", GIT_TERMINAL_PROMPT: "0", ...options.environment },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    this.input = this.#child.stdin;
    this.output = this.#child.stdout;
    // A child that stops reading is seen by its answer or exit; the write error says nothing more.
    this.input.on("error", () => this.input.destroy());
    this.#child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString("latin1")).slice(-MAX_STDERR);
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        this.#startError = "code" in error ? String(error.code) : error.message;
        this.#hasExited = true;
        resolve(undefined);
      });
      this.#child.once("close", (status) => {
        this.#status = status ?? undefined;
        this.#hasExited = true;
        resolve(this.#status);
      });
    });
  }

  /** Resolves with the exit status; `undefined` when a signal ended the child or it could not start. */
  exit(): Promise<number | undefined> {
    return this.#exited;
  }

  async ended(): Promise<void> {
    await this.#exited;
  }

  said(): string {
    const text = Buffer.from(this.#stderr, "latin1").toString("utf8").trim();
    const end = text.length > MAX_SAID ? `…${text.slice(1 - MAX_SAID)}` : text;
    return sanitizeText(end, { maxLength: 2 * MAX_SAID }).trim();
  }

  failure(when: BreakOff): SyncError | undefined {
    if (this.#isOurEnd || !this.#hasExited) return undefined;
    return this.#explain({
      when,
      startError: this.#startError,
      status: this.#status,
      said: this.said(),
      stderr: this.#stderr,
    });
  }

  async finish(goodbye: string): Promise<void> {
    if (!this.#hasExited) {
      if (!this.input.destroyed && !this.input.writableEnded) this.input.end(goodbye);
      this.#drain();
      const timer = setTimeout(() => void this.stop(), FINISH_WITHIN_MS);
      await this.#exited;
      clearTimeout(timer);
    }
    this.output.destroy();
  }

  /**
   * Close its input and end it; resolves when it is gone. A push without its end leaves the refs alone.
   *
   * For `graceMs` the missing input alone may end it: a receive-pack then tidies up, which a signal to it and its
   * helpers at once would make a race.
   */
  async stop(graceMs = 0): Promise<void> {
    if (!this.#hasExited) this.#isOurEnd = true;
    this.input.destroy();
    const timers: NodeJS.Timeout[] = [];
    const after = (delayMs: number, action: () => void): void =>
      void timers.push(setTimeout(action, delayMs));
    const terminate = (): void => {
      // Output that nobody reads any more would keep the child from being seen as gone.
      this.output.destroy();
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
    this.output.destroy();
  }

  #drain(): void {
    // A reader that left its listener behind would keep the rest from flowing, and the child from ending.
    this.output.removeAllListeners("readable");
    this.output.resume();
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
