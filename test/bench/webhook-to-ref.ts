/** From a delivery to the target's ref: one commit, local git servers, gateway and worker as processes. */

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startNginxGitServer } from "../support/git-server.ts";
import { commit, createRepository } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import type { Figure } from "./figure.ts";
import type { StoreKind } from "./fleet.ts";
import { startHookFleet } from "./hook-fleet.ts";
import { percentile } from "./percentile.ts";
import type { BenchSettings } from "./settings.ts";

const NAME = "webhook-to-ref";
const PUSHES = 100;
const GIVE_UP_MS = 30_000;

export async function measureWebhookToRef({ stores }: BenchSettings): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const store of stores) figures.push(...(await measureOn(store)));
  return figures;
}

async function measureOn(store: StoreKind): Promise<readonly Figure[]> {
  await using folder = temporaryFolder("bench-repositories");
  const root = folder.join("root");
  mkdirSync(root);
  const source = await createRepository(join(root, "source.git"));
  const target = await createRepository(join(root, "target.git"));
  await commit(source, "refs/heads/main", { "file.txt": "first\n" });
  await using server = await startNginxGitServer({ root });
  await using fleet = await startHookFleet({
    store,
    worker: true,
    mirrors: `  - id: docs
    source: { url: "${server.url}/source.git", repositoryId: "1" }
    targets: [{ id: backup, url: "${server.url}/target.git" }]
`,
  });
  await moved(target, await push(source, 0), fleet.deliver(1));
  const times: number[] = [];
  for (let index = 1; index <= PUSHES; index += 1) {
    const tip = await push(source, index);
    const begun = performance.now();
    await moved(target, tip, fleet.deliver(1));
    times.push(performance.now() - begun);
  }
  const how = `${PUSHES} pushes of one commit, one after the other`;
  return [
    {
      benchmark: NAME,
      name: `delivery to ref, p50, ${store}`,
      value: percentile(times, 50),
      unit: "ms",
      limit: 300,
      how,
    },
    {
      benchmark: NAME,
      name: `delivery to ref, p99, ${store}`,
      value: percentile(times, 99),
      unit: "ms",
      limit: 1_500,
      how,
    },
  ];
}

async function push(source: string, index: number): Promise<string> {
  return await commit(source, "refs/heads/main", { "file.txt": `${index}\n` });
}

/** Resolves when the target's branch has the tip. */
async function moved(target: string, tip: string, delivery: Promise<number>): Promise<void> {
  const until = performance.now() + GIVE_UP_MS;
  const status = delivery.then((answer) => {
    if (answer !== 202) throw new Error(`the gateway answered ${answer}`);
  });
  while (tipOf(target) !== tip) {
    if (performance.now() > until) throw new Error("the target's ref did not move");
    await sleep(1);
  }
  await status;
}

function tipOf(repository: string): string | undefined {
  try {
    return readFileSync(join(repository, "refs/heads/main"), "utf8").trim();
  } catch {
    return undefined;
  }
}
