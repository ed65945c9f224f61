/** The stores that a soak runs on, as an operator has them. */

import { setTimeout as sleep } from "node:timers/promises";
import { cliFolder } from "../cli/git-sync.ts";
import { eventually } from "../fleet/support/eventually.ts";
import { postmasterOf } from "../runtime/support/embedded.ts";
import { startRedis } from "../support/redis.ts";

/** How long Redis is away; the embedded server comes back by itself, at once. */
const AWAY_MS = 2_000;

export interface SoakStore extends AsyncDisposable {
  /** As `GITSYNC_QUEUE_URL` has it. */
  readonly url: string;
  /** End it without a warning. Resolves when it is back. */
  crash(): Promise<void>;
}

export async function openRedisSoakStore(): Promise<SoakStore> {
  const redis = await startRedis();
  return {
    url: redis.url,
    crash: async () => {
      await redis.kill();
      await sleep(AWAY_MS);
      await redis.restart();
    },
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}

export function openPostgresSoakStore(): Promise<SoakStore> {
  const folder = cliFolder("soak-queue");
  return Promise.resolve({
    url: `embedded:${folder.path}`,
    crash: async () => {
      const server = postmasterOf(folder.path);
      process.kill(server, "SIGQUIT");
      await eventually("another server", () => {
        try {
          return postmasterOf(folder.path) !== server;
        } catch {
          return false;
        }
      });
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  });
}
