/** What stock git does for the same end: clone, then push. For comparison only. */

import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { promisify } from "node:util";

const SPECS = ["refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"] as const;

export interface GitPeerOptions {
  readonly source: string;
  /** Made as a bare repository, before the clock runs. */
  readonly target: string;
  /** Where the clone may lie meanwhile; must not exist. */
  readonly clone: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Milliseconds of both commands. Leaves the target as a first mirror would. */
export async function timeGit({ source, target, clone, env, signal }: GitPeerOptions): Promise<number> {
  const git = (...args: readonly string[]): Promise<unknown> =>
    promisify(execFile)("git", args, { env: { ...env, GIT_TERMINAL_PROMPT: "0" }, signal });
  await git("init", "--quiet", "--bare", "--", target);
  try {
    const startedAt = performance.now();
    await git("clone", "--quiet", "--bare", "--", source, clone);
    await git("-C", clone, "push", "--quiet", "--", target, ...SPECS);
    return performance.now() - startedAt;
  } finally {
    await rm(clone, { recursive: true, force: true });
  }
}
