/** One worker with nothing to do at a hundred target hosts: what it costs to be there. */

import { setTimeout as sleep } from "node:timers/promises";
import { firstLook, mirrorsOf, routeIds } from "./fleet-work.ts";
import { startFleet, type StoreKind } from "./fleet.ts";
import type { Figure } from "./figure.ts";
import { cpuMs, residentBytes } from "./process-usage.ts";
import type { BenchSettings } from "./settings.ts";
import { startSlowRemotes } from "./slow-remotes.ts";

const NAME = "idle-lanes";
const HOSTS = 100;
/** For the work that opened the lanes to be over and its memory to be given back. */
const CALM_MS = 20_000;
const WINDOW_MS = 60_000;
const LOOKS = 12;

export async function measureIdleLanes({ stores }: BenchSettings): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const store of stores) figures.push(...(await measureOn(store)));
  return figures;
}

async function measureOn(store: StoreKind): Promise<readonly Figure[]> {
  await using remotes = await startSlowRemotes(0);
  const ends = Array.from({ length: HOSTS }, (_, n) => ({
    source: remotes.url(`s${n}`),
    target: remotes.url(`t${n}`, n + 1),
  }));
  await using fleet = await startFleet({
    store,
    config: `egress: { schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }
defaults: { every: 24h }
${mirrorsOf(ends)}`,
  });
  const worker = await fleet.startWorker();
  await firstLook(fleet.producer, routeIds(HOSTS));
  const lanes = (await fleet.producer.routes.lanes()).length;
  await sleep(CALM_MS);
  const cpuBefore = cpuMs(worker.pid);
  const begun = performance.now();
  let resident = 0;
  for (let look = 0; look < LOOKS; look += 1) {
    await sleep(WINDOW_MS / LOOKS);
    resident = Math.max(resident, residentBytes(worker.pid));
  }
  const share = (100 * (cpuMs(worker.pid) - cpuBefore)) / (performance.now() - begun);
  const how = `${HOSTS} target hosts, ${lanes === 1 ? "one lane for all there" : `${lanes} lanes`}, ${WINDOW_MS / 1_000} s`;
  return [
    { benchmark: NAME, name: `CPU of the idle worker, ${store}`, value: share, unit: "%", limit: 2, how },
    {
      benchmark: NAME,
      name: `resident memory of it, ${store}`,
      value: resident / 1_000_000,
      unit: "MB",
      limit: 150,
      how: `the most of ${LOOKS} looks`,
    },
  ];
}
