/**
 * Run stock git apart from everything that is configured on this machine: no system or user
 * configuration, fixed names, dates, time zone and language, so that equal input gives equal object ids.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** The whole environment of a git child process. */
export const GIT_ENVIRONMENT: Readonly<Record<string, string>> = Object.freeze({
  PATH: process.env["PATH"] ?? "/usr/bin:/bin",
  HOME: "/nonexistent",
  LC_ALL: "C",
  TZ: "UTC",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_AUTHOR_NAME: "Ada Author",
  GIT_AUTHOR_EMAIL: "ada@example.com",
  GIT_AUTHOR_DATE: "1700000000 +0000",
  GIT_COMMITTER_NAME: "Cy Committer",
  GIT_COMMITTER_EMAIL: "cy@example.com",
  GIT_COMMITTER_DATE: "1700000000 +0000",
});

export interface GitOptions {
  readonly cwd?: string;
  /** Added to {@link GIT_ENVIRONMENT}. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array | Readable;
  /** Kills git and its helpers. */
  readonly signal?: AbortSignal;
}

/** A git command that ended with another status than 0. */
class GitFailed extends Error {
  override readonly name = "GitFailed";
  readonly status: number | null;
  readonly stderr: string;

  constructor(args: readonly string[], status: number | null, stderr: string) {
    super(`git ${args.join(" ")} ended with ${status ?? "a signal"}: ${stderr.trim()}`);
    this.status = status;
    this.stderr = stderr;
  }
}

/** Run git and return what it wrote, without the last line end. */
export async function git(args: readonly string[], options: GitOptions = {}): Promise<string> {
  return (await gitBytes(args, options)).toString("utf8").replace(/\n$/, "");
}

/** Run git and return the bytes that it wrote. */
export async function gitBytes(args: readonly string[], options: GitOptions = {}): Promise<Buffer> {
  const child = spawn("git", args, {
    cwd: options.cwd,
    env: { ...GIT_ENVIRONMENT, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    // A group of its own: git's helpers (git-remote-https) outlive a git that is killed alone.
    detached: options.signal !== undefined,
  });
  const endGroup = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  options.signal?.addEventListener("abort", endGroup);
  const closed = once(child, "close");
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // A command that failed may not have read all of its input; its status tells.
  const fed = feed(child.stdin, options.input).catch(() => undefined);
  const [status] = (await closed) as [number | null];
  await fed;
  options.signal?.removeEventListener("abort", endGroup);
  options.signal?.throwIfAborted();
  if (status !== 0) throw new GitFailed(args, status, Buffer.concat(stderr).toString("utf8"));
  return Buffer.concat(stdout);
}

async function feed(stdin: Writable, input: GitOptions["input"]): Promise<void> {
  if (input === undefined || typeof input === "string" || input instanceof Uint8Array) {
    stdin.on("error", () => undefined);
    stdin.end(input);
    return;
  }
  await pipeline(input, stdin);
}
