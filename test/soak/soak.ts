/**
 * The fleet as it is deployed, for minutes: worker processes on one Redis, real git repositories, people who push at
 * random, workers that are killed, a Redis that restarts. What must hold is counted at the end, not hoped for.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createProducer, type Producer } from "@gitsync/producer";
import { createSilentLogger, openQueueStore } from "@gitsync/runtime";
import { startCli } from "../cli/git-sync.ts";
import { startNodeGitServer } from "../support/node-git-server.ts";
import type { RunningProcess } from "../support/process.ts";
import { startRedis, type RedisServer } from "../support/redis.ts";
import { checkRefHistory, installRefLog, type RefLog } from "../support/ref-log.ts";
import { commit, createRepository, refsOf } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const WORKERS = 3;
const CONCURRENCY = 4;
const KILL_EVERY_MS = 15_000;
const PUSH_EVERY_MS = 150;
const HEADS = "refs/heads";
/** For a killed worker's jobs to be taken over, and whatever they and the last pushes began. */
const SETTLE_MS = 120_000;

export interface SoakOptions {
  readonly minutes: number;
  readonly routes: number;
  /** Told what happens, line by line. */
  readonly say: (line: string) => void;
}

export interface SoakReport {
  readonly bursts: number;
  readonly hints: number;
  readonly kills: number;
  readonly redisRestarts: number;
  readonly runs: number;
  /** Twice the bursts, the first run of each route, and the jobs that were active at each kill. */
  readonly runLimit: number;
  /** Runs of one target that were under way at once, as far as they were recorded. */
  readonly overlaps: number;
  /** Values that a target ref took and should not have taken, as sentences. */
  readonly faults: readonly string[];
  /** Routes whose target does not equal its source, or whose last hint no run answered. */
  readonly unconverged: readonly string[];
  /** From the last push until every target equalled its source, in milliseconds. */
  readonly settledAfterMs: number;
}

interface Side {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly logs: readonly [source: RefLog, target: RefLog];
}

export async function soak({ minutes, routes: count, say }: SoakOptions): Promise<SoakReport> {
  await using folder = temporaryFolder("soak");
  await mkdir(folder.join("home"));
  const root = folder.join("served");
  await mkdir(root);
  await using server = await startNodeGitServer(root);
  await using redis = await startRedis();
  const sides: Side[] = [];
  for (let n = 0; n < count; n += 1) sides.push(await sideOf(root, `m${n}`));
  const config = folder.join("mirrors.yaml");
  await writeFile(config, configOf(server.url, sides));
  say(`${count} routes between real repositories`);

  const store = await openQueueStore(
    { kind: "redis", url: redis.url },
    { logger: createSilentLogger(), role: "producer" },
  );
  const producer = await createProducer({ store });
  const fleet = new KilledFleet(folder.path, config, redis.url);
  await fleet.start();
  const restarts = { count: 0 };
  const pushed = { bursts: 0, hints: 0 };
  try {
    await settled(producer, sides, SETTLE_MS);
    say("every first run is over");
    const endsAt = performance.now() + minutes * 60_000;
    await Promise.all([
      pushAtRandom(producer, sides, endsAt, pushed),
      fleet.killUntil(endsAt, producer, say),
      restartTwice(redis, endsAt, restarts, say),
    ]);
    const stoppedAt = performance.now();
    await settled(producer, sides, SETTLE_MS);
    const settledAfterMs = Math.round(performance.now() - stoppedAt);
    const found = await judge(producer, sides);
    const runLimit = 2 * pushed.bursts + count + fleet.activeAtKills;
    return {
      ...pushed,
      kills: fleet.kills,
      redisRestarts: restarts.count,
      runLimit,
      settledAfterMs,
      ...found,
    };
  } finally {
    await fleet.stop();
    await producer.close();
    await store.close();
  }
}

async function sideOf(root: string, name: string): Promise<Side> {
  const source = await createRepository(join(root, `${name}-source.git`));
  const target = await createRepository(join(root, `${name}-target.git`));
  await commit(source, `${HEADS}/main`, { "file.txt": "0" });
  const logs = [await installRefLog(source), await installRefLog(target)] as const;
  return { id: `${name}/t`, source, target, logs };
}

function configOf(url: string, sides: readonly Side[]): string {
  const mirrors = sides.map(({ id }) => {
    const name = id.slice(0, id.indexOf("/"));
    return `  - { id: ${name}, source: { url: "${url}/${name}-source.git" }, targets: [{ id: t, url: "${url}/${name}-target.git" }] }\n`;
  });
  return `version: 1\negress: { schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }\nmirrors:\n${mirrors.join("")}`;
}

/** Bursts of one to four pushes to a random source, and a hint for each. */
async function pushAtRandom(
  producer: Producer,
  sides: readonly Side[],
  endsAt: number,
  pushed: { bursts: number; hints: number },
): Promise<void> {
  while (performance.now() < endsAt) {
    const side = sides[Math.trunc(Math.random() * sides.length)];
    if (side === undefined) return;
    const size = 1 + Math.trunc(Math.random() * 4);
    for (let n = 0; n < size; n += 1) {
      const branch = Math.random() < 0.7 ? "main" : `b${Math.trunc(Math.random() * 3)}`;
      await commit(side.source, `${HEADS}/${branch}`, { "file.txt": String(Math.random()) });
    }
    await Promise.all(Array.from({ length: size }, () => hintUntilTaken(producer, side.id)));
    pushed.bursts += 1;
    pushed.hints += size;
    await sleep(Math.random() * 2 * PUSH_EVERY_MS);
  }
}

/** As a forge does: a delivery that was not accepted is delivered again. */
async function hintUntilTaken(producer: Producer, route: string): Promise<void> {
  for (;;) {
    try {
      await producer.enqueueRoute(route, { trigger: "webhook" });
      return;
    } catch {
      await sleep(500);
    }
  }
}

async function restartTwice(
  redis: RedisServer,
  endsAt: number,
  restarts: { count: number },
  say: (line: string) => void,
): Promise<void> {
  const startedAt = performance.now();
  for (const part of [1 / 3, 2 / 3]) {
    await sleep(Math.max(0, startedAt + part * (endsAt - startedAt) - performance.now()));
    await redis.kill();
    await sleep(2_000);
    await redis.restart();
    restarts.count += 1;
    say("Redis was killed and is back");
  }
}

/** Workers of which one is killed and replaced every now and then. */
class KilledFleet {
  readonly #folder: string;
  readonly #config: string;
  readonly #queue: string;
  readonly #workers: RunningProcess[] = [];
  kills = 0;
  activeAtKills = 0;

  constructor(folder: string, config: string, queue: string) {
    this.#folder = folder;
    this.#config = config;
    this.#queue = queue;
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
    await worker.waitForLine(/Worker takes jobs/u, { timeoutMs: 60_000 });
    return worker;
  }
}

/** Resolves when no route has an open hint and none runs, or when the time is over. */
async function settled(producer: Producer, sides: readonly Side[], timeoutMs: number): Promise<void> {
  const endsAt = performance.now() + timeoutMs;
  while (performance.now() < endsAt) {
    const open = await openRoutes(producer).catch(() => undefined);
    if (open !== undefined && open.known === sides.length && open.ids.length === 0) return;
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

async function judge(
  producer: Producer,
  sides: readonly Side[],
): Promise<Pick<SoakReport, "runs" | "overlaps" | "faults" | "unconverged">> {
  const faults: string[] = [];
  const unconverged = new Set((await openRoutes(producer)).ids);
  let [runs, overlaps] = [0, 0];
  for (const { id, source, target, logs } of sides) {
    const [from, to] = [await refsOf(source, HEADS), await refsOf(target, HEADS)];
    if (JSON.stringify([...from]) !== JSON.stringify([...to])) unconverged.add(id);
    faults.push(...(await checkRefHistory(...logs)).map((fault) => `${id}: ${fault}`));
    const reports = (await producer.routes.reports(id)).toSorted((a, b) => a.startedAt - b.startedAt);
    runs += reports.length;
    overlaps += reports.filter(
      (report, n) => n > 0 && report.startedAt < (reports[n - 1]?.finishedAt ?? 0),
    ).length;
  }
  return { runs, overlaps, faults, unconverged: [...unconverged] };
}
