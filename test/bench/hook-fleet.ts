/** A gateway, and a worker if wanted, on a store of their own, and deliveries signed for them. */

import { createHmac, randomUUID } from "node:crypto";
import { startFleet, type StoreKind } from "./fleet.ts";

const SECRET = "bench-hook-secret";

export interface HookFleet extends AsyncDisposable {
  readonly address: string;
  readonly gatewayPid: number;
  /** Deliver a push of a repository. Resolves with the answer's status when all of it is here. */
  deliver(repositoryId: number): Promise<number>;
}

export interface HookFleetOptions {
  readonly store: StoreKind;
  /** YAML under `mirrors:`. */
  readonly mirrors: string;
  readonly worker: boolean;
}

export async function startHookFleet({ store, mirrors, worker }: HookFleetOptions): Promise<HookFleet> {
  await using stack = new AsyncDisposableStack();
  const fleet = stack.use(
    await startFleet({
      store,
      config: `egress: { schemes: [http, https], allow: [{ cidr: 127.0.0.0/8 }] }
webhooks: { github: { secrets: [{ env: GITHUB_HOOK_SECRET }] } }
mirrors:
${mirrors}`,
      env: { GITHUB_HOOK_SECRET: SECRET },
    }),
  );
  if (worker) await fleet.startWorker();
  const { address, pid } = await fleet.startGateway();
  const owned = stack.move();
  return {
    address,
    gatewayPid: pid,
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
