/** Starts the worker of `worker-process.ts`. */

import { startScript, type RunningProcess } from "../../support/process.ts";
import type { Backend } from "./backends.ts";

const SCRIPT = new URL("worker-process.ts", import.meta.url).pathname;

/** A worker in a process of its own. Resolves once it takes jobs. */
export async function startWorkerProcess({ url }: Pick<Backend, "url">): Promise<RunningProcess> {
  const child = startScript(SCRIPT, [JSON.stringify(url)]);
  await child.waitForLine(/^ready$/);
  return child;
}
