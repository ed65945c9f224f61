/** Starts the worker of `worker-process.ts`. */

import { startScript, type RunningProcess } from "../../support/process.ts";
import type { Backend } from "./backends.ts";

const SCRIPT = new URL("worker-process.ts", import.meta.url).pathname;

/** A worker in a process of its own, whose clock is ahead by `clockAheadMs`. Resolves once it takes jobs. */
export async function startWorkerProcess(
  { url }: Pick<Backend, "url">,
  { clockAheadMs = 0 }: { readonly clockAheadMs?: number } = {},
): Promise<RunningProcess> {
  const env = { CLOCK_AHEAD_MS: String(clockAheadMs) };
  const child = startScript(SCRIPT, [JSON.stringify(url)], { env });
  await child.waitForLine(/^ready$/);
  return child;
}
