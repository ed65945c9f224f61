/** A worker that is killed in the middle of its jobs: how long until each runs again? */

import { hintEach, mirrorsOf, routeIds, stored, until } from "./fleet-work.ts";
import { startFleet, type StoreKind } from "./fleet.ts";
import type { Figure } from "./figure.ts";
import { percentile } from "./percentile.ts";
import type { BenchSettings } from "./settings.ts";
import { startSlowRemotes } from "./slow-remotes.ts";

const NAME = "kill";
const ROUNDS = 2;
const JOBS = 4;
/** Longer than it takes to start another worker; a run asks the source twice. */
const DELAY_MS = 8_000;

export async function measureKill({ stores }: BenchSettings): Promise<readonly Figure[]> {
  return await Promise.all(stores.map((store) => measureOn(store)));
}

async function measureOn(store: StoreKind): Promise<Figure> {
  await using remotes = await startSlowRemotes(DELAY_MS);
  const ends = Array.from({ length: JOBS }, (_, n) => ({
    source: remotes.url(`s${n}`),
    target: remotes.url(`t${n}`),
  }));
  await using fleet = await startFleet({
    store,
    config: `egress: { schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }
defaults: { every: 24h }
${mirrorsOf(ends)}`,
  });
  const { producer } = fleet;
  const routes = routeIds(JOBS);
  const startsOf = async (): Promise<readonly (number | undefined)[]> =>
    await Promise.all(routes.map(async (route) => (await producer.route(route))?.running?.startedAt));
  const waits: number[] = [];
  let worker = await fleet.startWorker({ concurrency: JOBS });
  await stored(producer, routes);
  for (let round = 0; round < ROUNDS; round += 1) {
    await hintEach(producer, routes);
    await until("every job runs", async () => (await startsOf()).every((at) => at !== undefined));
    const next = await fleet.startWorker({ concurrency: JOBS });
    await worker.kill("SIGKILL");
    const killedAt = await producer.routes.now();
    await until("every job runs again", async () => (await startsOf()).every((at) => (at ?? 0) > killedAt));
    waits.push(...(await startsOf()).map((at) => (at ?? Infinity) - killedAt));
    worker = next;
    await idleAgain();
  }
  return {
    benchmark: NAME,
    name: `killed until its jobs run again, ${store}`,
    value: Math.max(...waits) / 1_000,
    unit: "s",
    limit: 45,
    how: `the longest of ${waits.length} jobs in ${ROUNDS} kills; half within ${(percentile(waits, 50) / 1_000).toFixed(1)} s`,
  };

  async function idleAgain(): Promise<void> {
    await until("every job is over", async () => (await startsOf()).every((at) => at === undefined));
  }
}
