/**
 * The fleet as it is deployed, for minutes: worker processes on one store, real git repositories, people who push at
 * random, workers that are killed, a store that ends without a warning and comes back. What must hold is counted at
 * the end, not hoped for.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createProducer, type Producer } from "@gitsync/producer";
import { createSilentLogger, openQueueStore, parseQueueUrl } from "@gitsync/runtime";
import { startCli } from "../cli/git-sync.ts";
import {
  configOfPairs,
  makePairs,
  pushAtRandom,
  type MirroredPair,
  type Pushed,
} from "../fleet/support/mirrored-pairs.ts";
import {
  answersInLog,
  answersInStore,
  faultsOf,
  runsInLog,
  type TakenHint,
} from "../fleet/support/oracle.ts";
import { startNodeGitServer } from "../support/node-git-server.ts";
import type { RunningProcess } from "../support/process.ts";
import type { SoakStore } from "./soak-stores.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const WORKERS = 3;
const CONCURRENCY = 4;
const KILL_EVERY_MS = 15_000;
/** For a killed worker's jobs to be taken over, and whatever they and the last pushes began. */
const SETTLE_MS = 120_000;

export interface SoakOptions {
  readonly store: SoakStore;
  readonly minutes: number;
  readonly routes: number;
  /** Told what happens, line by line. */
  readonly say: (line: string) => void;
}

export interface SoakReport {
  readonly bursts: number;
  readonly hints: number;
  /** Of these, how many came while a run of their route was under way. */
  readonly hintsDuringRuns: number;
  readonly kills: number;
  readonly storeRestarts: number;
  readonly runs: number;
  /** Twice the bursts, the first run of each route, and the jobs that were active at each kill. */
  readonly runLimit: number;
  /** What the oracle of the fleet found, as sentences. */
  readonly faults: readonly string[];
  /** From the last push until every target equalled its source, in milliseconds. */
  readonly settledAfterMs: number;
}

export async function soak({ store: under, minutes, routes: count, say }: SoakOptions): Promise<SoakReport> {
  await using folder = temporaryFolder("soak");
  await mkdir(folder.join("home"));
  const root = folder.join("served");
  const pairs = await makePairs(root, count);
  await using server = await startNodeGitServer(root);
  const config = folder.join("mirrors.yaml");
  await writeFile(config, configOfPairs(server.url, pairs));
  say(`${count} routes between real repositories`);

  const store = await openQueueStore(parseQueueUrl(under.url, {}), {
    logger: createSilentLogger(),
    role: "producer",
  });
  const producer = await createProducer({ store });
  const fleet = new KilledFleet(folder.path, config, under.url);
  await fleet.start();
  const restarts = { count: 0 };
  const pushed: Pushed = { bursts: 0, hints: [] };
  try {
    await settled(producer, pairs, SETTLE_MS);
    say("every first run is over");
    const endsAt = performance.now() + minutes * 60_000;
    await Promise.all([
      pushAtRandom(producer, pairs, pushed, { isOver: () => performance.now() >= endsAt }),
      fleet.killUntil(endsAt, producer, say),
      restartTwice(under, endsAt, restarts, say),
    ]);
    const stoppedAt = performance.now();
    await settled(producer, pairs, SETTLE_MS);
    const settledAfterMs = Math.round(performance.now() - stoppedAt);
    const { bursts, hints } = pushed;
    const recorded = await answersInStore(
      producer,
      pairs.map(({ id }) => id),
    );
    const answers = [...fleet.logs.flatMap(answersInLog), ...recorded];
    const runs = fleet.logs.flatMap(runsInLog);
    const faults = await faultsOf({ producer, pairs, runs, hints, answers });
    const isDuringRun = ({ route, requestedAt: at }: TakenHint): boolean =>
      answers.some((run) => run.route === route && run.startedAt <= at && at < run.endedAt);
    const runLimit = 2 * bursts + count + fleet.activeAtKills;
    return {
      bursts,
      hints: hints.length,
      hintsDuringRuns: hints.filter(isDuringRun).length,
      kills: fleet.kills,
      storeRestarts: restarts.count,
      runLimit,
      settledAfterMs,
      runs: await countRuns(producer, pairs),
      faults,
    };
  } finally {
    await fleet.stop();
    await producer.close();
    await store.close();
  }
}

async function restartTwice(
  store: SoakStore,
  endsAt: number,
  restarts: { count: number },
  say: (line: string) => void,
): Promise<void> {
  const startedAt = performance.now();
  for (const part of [1 / 3, 2 / 3]) {
    await sleep(Math.max(0, startedAt + part * (endsAt - startedAt) - performance.now()));
    await store.crash();
    restarts.count += 1;
    say("The store was killed and is back");
  }
}

/** Workers of which one is killed and replaced every now and then. */
class KilledFleet {
  readonly #folder: string;
  readonly #config: string;
  readonly #queue: string;
  readonly #workers: RunningProcess[] = [];
  readonly #all: RunningProcess[] = [];
  kills = 0;
  activeAtKills = 0;

  constructor(folder: string, config: string, queue: string) {
    this.#folder = folder;
    this.#config = config;
    this.#queue = queue;
  }

  /** What every worker wrote, those that were killed included. */
  get logs(): readonly string[] {
    return this.#all.map(({ output }) => output.stderr);
  }

  async start(): Promise<void> {
    while (this.#workers.length < WORKERS) this.#workers.push(await this.#startOne());
  }

  async killUntil(endsAt: number, producer: Producer, say: (line: string) => void): Promise<void> {
    for (;;) {
      const left = endsAt - performance.now();
      await sleep(Math.max(0, Math.min(KILL_EVERY_MS, left)));
      if (left <= KILL_EVERY_MS) return;
      const counts = await producer.routes.jobCounts().catch(() => undefined);
      this.activeAtKills += counts?.active ?? WORKERS * CONCURRENCY;
      const victim = this.#workers.shift();
      await victim?.kill("SIGKILL");
      this.kills += 1;
      this.#workers.push(await this.#startOne());
      say(`killed a worker while ${counts?.active ?? "unknown"} jobs were active`);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.kill("SIGTERM")));
  }

  async #startOne(): Promise<RunningProcess> {
    const args = ["worker", "--config", this.#config, "--concurrency", String(CONCURRENCY)];
    const worker = startCli(args, { folder: this.#folder, env: { GITSYNC_QUEUE_URL: this.#queue } });
    this.#all.push(worker);
    await worker.waitForLine(/Worker takes jobs/u, { timeoutMs: 60_000 });
    return worker;
  }
}

/** Resolves when no route has an open hint and none runs, or when the time is over. */
async function settled(producer: Producer, pairs: readonly MirroredPair[], timeoutMs: number): Promise<void> {
  const endsAt = performance.now() + timeoutMs;
  while (performance.now() < endsAt) {
    const open = await openRoutes(producer).catch(() => undefined);
    if (open !== undefined && open.known === pairs.length && open.ids.length === 0) return;
    await sleep(200);
  }
}

async function openRoutes(
  producer: Producer,
): Promise<{ readonly known: number; readonly ids: readonly string[] }> {
  const ids: string[] = [];
  let known = 0;
  for await (const { definition, requested, synced, running } of producer.allRoutes()) {
    known += 1;
    if (requested === undefined || requested !== synced || running !== undefined) ids.push(definition.id);
  }
  return { known, ids };
}

/** Runs that were recorded; the last 50 of each route are. */
async function countRuns(producer: Producer, pairs: readonly MirroredPair[]): Promise<number> {
  const reports = await Promise.all(pairs.map(({ id }) => producer.routes.reports(id)));
  return reports.flat().length;
}
