/**
 * Ten thousand hints over a thousand routes as fast as they are taken, each after a push to the source, while one of
 * three workers is killed every fifteen seconds: nothing may run twice at once, nothing may be left behind, and nothing
 * may be done much more often than there was reason to.
 */

import { cp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Producer } from "@gitsync/producer";
import type { RunningProcess } from "../support/process.ts";
import { commit, createRepository } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import type { Figure } from "./figure.ts";
import { firstLook, forEach, idle, mirrorsOf, overlapsIn, reportsSince, routeIds } from "./fleet-work.ts";
import { startFleet, type BenchFleet, type StoreKind } from "./fleet.ts";
import { machineText, machineUse } from "./machine-use.ts";
import type { BenchSettings } from "./settings.ts";

const NAME = "burst";
const ROUTES = 1_000;
const HINTS_PER_ROUTE = 10;
const BURSTS_PER_ROUTE = 2;
const WORKERS = 3;
const CONCURRENCY = 4;
const KILL_EVERY_MS = 15_000;
/** Hints of a route that follow each other this closely are one burst. */
const BURST_GAP_MS = 1_000;
const MAIN = "refs/heads/main";

export async function measureBurst({ stores }: BenchSettings): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const store of stores) figures.push(...(await measureOn(store)));
  return figures;
}

async function measureOn(store: StoreKind): Promise<readonly Figure[]> {
  await using folder = temporaryFolder("bench-burst");
  const { pairs, history } = await makePairs(folder.path);
  await using fleet = await startFleet({
    store,
    config: `egress: { paths: ["${folder.path}"] }
defaults: { every: 24h }
${mirrorsOf(pairs)}`,
  });
  const { producer } = fleet;
  const workers: RunningProcess[] = [];
  while (workers.length < WORKERS) {
    workers.push(await fleet.startWorker({ concurrency: CONCURRENCY }));
  }
  const routes = routeIds(ROUTES);
  await firstLook(producer, routes);

  const endMachineUse = machineUse();
  const since = await producer.routes.now();
  const begun = performance.now();
  const given = { isOver: false };
  const killing = killWhileJobsWait(fleet, workers, given);
  const log = await pushAndHint(producer, pairs, history);
  const takenMs = performance.now() - begun;
  given.isOver = true;
  await idle(producer);
  const convergedMs = performance.now() - begun;
  const { kills, active } = await killing;
  await idle(producer);
  const machine = endMachineUse();

  const reports = await reportsSince(producer, routes, since);
  const bursts = [...log.values()].reduce((sum, times) => sum + burstsIn(times), 0);
  const runs = `${reports.length} runs for ${bursts} bursts of ${ROUTES * HINTS_PER_ROUTE} hints, ${kills} kills with ${active} jobs active`;
  const open = await unconverged(producer, pairs, history.at(-1) ?? "");
  const figure = (name: string, value: number, unit: string, how: string, limit?: number): Figure => ({
    benchmark: NAME,
    name: `${name}, ${store}`,
    value,
    unit,
    how,
    ...(limit === undefined ? {} : { limit }),
  });
  return [
    figure("runs that overlapped", overlapsIn(reports), "", runs, 0),
    figure("routes that did not converge", open, "", `of ${ROUTES}, by their refs and by their state`, 0),
    figure("runs / what there was reason for", reports.length / (2 * bursts + active), "", runs, 1),
    figure("hints taken", (1_000 * ROUTES * HINTS_PER_ROUTE) / takenMs, "/s", "each after its push"),
    figure("first hint until all converged", convergedMs / 1_000, "s", machineText(machine)),
  ];
}

interface Pair {
  readonly source: string;
  readonly target: string;
}

/** Pairs of equal bare repositories, and the commits that `main` of a source is moved along, oldest first. */
async function makePairs(
  root: string,
): Promise<{ readonly pairs: readonly Pair[]; readonly history: readonly string[] }> {
  const source = await createRepository(join(root, "source"));
  const target = await createRepository(join(root, "target"));
  const history: string[] = [];
  for (let n = 0; n <= HINTS_PER_ROUTE; n += 1) {
    history.push(await commit(source, MAIN, { "file.txt": `${n}\n` }));
  }
  // Names are made of content: the target has the first commit and nothing of what is pushed later.
  await commit(target, MAIN, { "file.txt": "0\n" });
  await push(source, history[0] ?? "");
  for (const template of [source, target]) await rm(join(template, "hooks"), { recursive: true });
  const pairs = Array.from({ length: ROUTES }, (_, n) => ({
    source: join(root, `s${n}.git`),
    target: join(root, `t${n}.git`),
  }));
  await forEach(pairs, async (pair) => {
    await cp(source, pair.source, { recursive: true });
    await cp(target, pair.target, { recursive: true });
  });
  return { pairs, history };
}

/** Move `main` as git does: a lock file, renamed. Starting git for each of ten thousand would be what is measured. */
async function push(repository: string, tip: string): Promise<void> {
  const lock = join(repository, `${MAIN}.lock`);
  await writeFile(lock, `${tip}\n`, { flag: "wx" });
  await rename(lock, join(repository, MAIN));
}

/** Half of a route's hints in a row, later the other half; the routes in no order. @returns when each route was hinted. */
async function pushAndHint(
  producer: Producer,
  pairs: readonly Pair[],
  history: readonly string[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const log = new Map<string, number[]>();
  const routes = routeIds(ROUTES).map((id, n) => ({ id, source: pairs[n]?.source ?? "" }));
  for (let part = 0; part < BURSTS_PER_ROUTE; part += 1) {
    await forEach(shuffled(routes), async ({ id, source }) => {
      const times = log.get(id) ?? [];
      log.set(id, times);
      for (let n = 0; n < HINTS_PER_ROUTE / BURSTS_PER_ROUTE; n += 1) {
        await push(source, history[times.length + 1] ?? "");
        await producer.enqueueRoute(id, { trigger: "webhook", withinMs: 60_000 });
        times.push(performance.now());
      }
    });
  }
  return log;
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

function burstsIn(times: readonly number[]): number {
  return times.filter((time, n) => time - (times[n - 1] ?? -Infinity) > BURST_GAP_MS).length;
}

/** Kill a worker and start another, again and again, until all hints are given and hardly a job waits. */
async function killWhileJobsWait(
  fleet: BenchFleet,
  workers: RunningProcess[],
  given: { readonly isOver: boolean },
): Promise<{ readonly kills: number; readonly active: number }> {
  let [kills, active] = [0, 0];
  for (;;) {
    await sleep(KILL_EVERY_MS);
    const counts = await fleet.producer.routes.jobCounts();
    if (given.isOver && counts.waiting < CONCURRENCY * WORKERS) return { kills, active };
    active += Math.min(counts.active, CONCURRENCY);
    await workers.shift()?.kill("SIGKILL");
    kills += 1;
    workers.push(await fleet.startWorker({ concurrency: CONCURRENCY }));
  }
}

async function unconverged(producer: Producer, pairs: readonly Pair[], tip: string): Promise<number> {
  const open = new Set<string>();
  for await (const { definition, requested, synced } of producer.allRoutes()) {
    if (requested !== synced) open.add(definition.id);
  }
  for (const [n, { target }] of pairs.entries()) {
    if ((await readFile(join(target, MAIN), "latin1")).trim() !== tip) open.add(`m${n}/t`);
  }
  return open.size;
}
