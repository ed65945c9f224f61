/** A gateway, and a worker if wanted, as processes on a Redis of their own, and deliveries signed for them. */

import { createHmac, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { addressOf, cliFolder, startCli } from "../cli/git-sync.ts";
import { startRedis } from "../support/redis.ts";

const SECRET = "bench-hook-secret";

export interface HookFleet extends AsyncDisposable {
  readonly address: string;
  readonly gatewayPid: number;
  /** Deliver a push of a repository. Resolves with the answer's status when all of it is here. */
  deliver(repositoryId: number): Promise<number>;
}

export interface HookFleetOptions {
  /** YAML under `mirrors:`. `folder` is that of the fleet. */
  readonly mirrors: string;
  readonly worker: boolean;
}

export async function startHookFleet({ mirrors, worker }: HookFleetOptions): Promise<HookFleet> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(cliFolder("bench-hooks"));
  const redis = stack.use(await startRedis({ appendonly: true }));
  const config = folder.join("mirrors.yaml");
  writeFileSync(
    config,
    `version: 1
egress: { schemes: [http, https], allow: [{ cidr: 127.0.0.0/8 }] }
webhooks: { github: { secrets: [{ env: GITHUB_HOOK_SECRET }] } }
mirrors:
${mirrors}`,
  );
  const options = {
    folder: folder.path,
    env: { GITSYNC_QUEUE_URL: redis.url, GITSYNC_CONFIG: config, GITHUB_HOOK_SECRET: SECRET },
  };
  if (worker) {
    const running = stack.use(startCli(["worker"], options));
    await running.waitForLine(/Worker takes jobs/u, { timeoutMs: 60_000 });
  }
  const gateway = stack.use(startCli(["gateway", "--listen", "127.0.0.1:0"], options));
  const address = await addressOf(gateway);
  const owned = stack.move();
  return {
    address,
    gatewayPid: gateway.pid,
    deliver: async (repositoryId) => {
      const body = JSON.stringify({ ref: "refs/heads/main", repository: { id: repositoryId } });
      const answer = await fetch(`${address}/hooks/github`, {
        method: "POST",
        body,
        headers: headersOf(body),
      });
      await answer.arrayBuffer();
      return answer.status;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function headersOf(body: string): Readonly<Record<string, string>> {
  return {
    "content-type": "application/json",
    "x-github-event": "push",
    "x-github-delivery": randomUUID(),
    "x-hub-signature-256": `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`,
  };
}
