/** Remotes that cost a fixed time each and next to no work, in a process of their own. */

import { join } from "node:path";
import { startScript } from "../support/process.ts";

export interface SlowRemotes extends AsyncDisposable {
  readonly pid: number;
  /** A repository at one of up to 250 hosts; all have the same content and are equal. */
  url(repository: string, host?: number): string;
  /** How many runs asked for a target's refs so far. */
  runs(): Promise<number>;
}

/** Start them; every request is answered after `delayMs`. */
export async function startSlowRemotes(delayMs: number): Promise<SlowRemotes> {
  const server = startScript(join(import.meta.dirname, "slow-remotes-process.ts"), [String(delayMs)]);
  const port = (await server.waitForLine(/^listens on/u)).slice("listens on ".length);
  return {
    pid: server.pid,
    url: (repository, host = 1) => `http://127.0.0.${host}:${port}/${repository}.git`,
    runs: async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/-/counts`);
      return ((await answer.json()) as { runs: number }).runs;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
