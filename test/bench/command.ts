/** Peers that are timed: git on its own, run as a shell would run it. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { GIT_ENVIRONMENT } from "../support/git.ts";

/** Run a shell command to its end and return the milliseconds it took. `$1`, `$2` … are `args`. */
export async function timeCommand(script: string, args: readonly string[], cwd?: string): Promise<number> {
  const startedAt = performance.now();
  const child = spawn("/bin/sh", ["-c", script, "sh", ...args], {
    cwd,
    env: { ...GIT_ENVIRONMENT },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const [status] = (await once(child, "close")) as [number | null];
  if (status !== 0)
    throw new Error(`${script} ended with ${status ?? "a signal"}: ${complaint.slice(-1_000)}`);
  return performance.now() - startedAt;
}

/** The best of several runs: what disturbs a run only ever makes it slower. */
export function best(values: readonly number[]): number {
  return Math.min(...values);
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
