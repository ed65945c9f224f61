/** The fleet as it is deployed: worker processes, real git servers with a password, people who push all the time. */

import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createProducer, type Producer } from "@gitsync/producer";
import { createSilentLogger, openQueueStore, parseQueueUrl } from "@gitsync/runtime";
import { cliFolder, startCli } from "../../cli/git-sync.ts";
import { startNodeGitServer } from "../../support/node-git-server.ts";
import type { RunningProcess } from "../../support/process.ts";
import { eventually } from "./eventually.ts";
import {
  configOfPairs,
  isEqual,
  makePairs,
  pushAtRandom,
  type MirroredPair,
  type Pushed,
} from "./mirrored-pairs.ts";
import { faultsOf, runsInLog } from "./oracle.ts";

const PASSWORD = "canary-of-the-git-server-password";
/** Pushes that are made between a fault's end and the last one. */
const BURSTS_AFTER = 8;
const BURSTS_BEFORE = 8;
const FIRST_RUNS_MS = 120_000;

export interface DeployedFleetOptions {
  readonly label: string;
  readonly queueUrl: string;
  readonly pairs: number;
  readonly workers: number;
  /** How often a route is looked at that nobody hints. */
  readonly every: string;
}

export interface DeployedFleet extends AsyncDisposable {
  readonly producer: Producer;
  readonly workers: readonly RunningProcess[];
  readonly pairs: readonly MirroredPair[];
  /** Resolves when no route has an open hint and no run is under way. */
  rests(): Promise<void>;
  /**
   * While people push and jobs run, let something happen. They push on for a while after it; the answer is how long
   * after it had happened every target equalled its source, in milliseconds.
   */
  convergesAfter(fault: () => Promise<void>, withinMs: number): Promise<number>;
  /** What the oracle finds, `written` (by place) and what the workers wrote included. */
  faults(written: Readonly<Record<string, string>>): Promise<readonly string[]>;
}

/** Start it, and wait until every first run is over. */
export async function deployFleet(options: DeployedFleetOptions): Promise<DeployedFleet> {
  const { label, queueUrl, workers: count, every } = options;
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(cliFolder(label));
  const root = folder.join("served");
  const pairs = await makePairs(root, options.pairs);
  const auth = { username: "git-sync", password: PASSWORD };
  const server = stack.use(await startNodeGitServer(root, { auth }));
  const config = folder.join("mirrors.yaml");
  const credential = `{ type: basic, origins: ["${server.url}"], username: git-sync, token: { env: BOT_TOKEN } }`;
  const further = `credentials:\n  bot: ${credential}\ndefaults: { every: ${every} }\n`;
  await writeFile(config, configOfPairs(server.url, pairs, { further, credential: "bot" }));

  const url = parseQueueUrl(queueUrl, {});
  const store = await openQueueStore(url, { logger: createSilentLogger(), role: "producer" });
  stack.defer(() => store.close());
  const producer = await createProducer({ store });
  stack.defer(() => producer.close());
  const env = { GITSYNC_QUEUE_URL: queueUrl, BOT_TOKEN: PASSWORD };
  const start = () => startCli(["worker", "--config", config], { folder: folder.path, env });
  const workers = Array.from({ length: count }, () => stack.use(start()));
  await Promise.all(
    workers.map((worker) => worker.waitForLine(/Worker takes jobs/u, { timeoutMs: FIRST_RUNS_MS })),
  );
  await allEqual(pairs, FIRST_RUNS_MS);
  const owned = stack.move();
  return {
    producer,
    workers,
    pairs,
    rests: () => rests(producer),
    convergesAfter: (fault, withinMs) => convergesAfter(producer, pairs, { fault, withinMs }),
    faults: async (written) => {
      const places = workers.flatMap(({ pid, output }, n) => [
        [`log of worker ${n}`, output.stdout + output.stderr],
        [`command line of worker ${n}`, readFileSync(`/proc/${pid}/cmdline`, "latin1")],
      ]);
      const runs = workers.flatMap(({ output }) => runsInLog(output.stderr));
      const all = { ...Object.fromEntries(places), ...written };
      return await faultsOf({ producer, pairs, runs, secrets: [PASSWORD], written: all });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function convergesAfter(
  producer: Producer,
  pairs: readonly MirroredPair[],
  { fault, withinMs }: { readonly fault: () => Promise<void>; readonly withinMs: number },
): Promise<number> {
  const pushed: Pushed = { bursts: 0, hints: [] };
  const givenUp = new AbortController();
  let last = Infinity;
  let isPushing = true;
  const isOver = (): boolean => pushed.bursts >= last || givenUp.signal.aborted;
  const pushing = pushAtRandom(producer, pairs, pushed, { isOver, signal: givenUp.signal }).finally(
    () => (isPushing = false),
  );
  let happened = 0;
  try {
    await eventually("people push", () => pushed.bursts >= BURSTS_BEFORE, FIRST_RUNS_MS);
    await eventually("jobs run", async () => (await producer.routes.jobCounts()).active > 0);
    await fault();
    happened = performance.now();
    last = pushed.bursts + BURSTS_AFTER;
    await eventually("every hint is taken", () => !isPushing, withinMs);
  } finally {
    givenUp.abort();
    await pushing;
  }
  await allEqual(pairs, withinMs - (performance.now() - happened));
  const took = performance.now() - happened;
  await rests(producer);
  return took;
}

async function allEqual(pairs: readonly MirroredPair[], withinMs: number): Promise<void> {
  let unequal = [...pairs];
  await eventually(
    "every target equals its source",
    async () => {
      const states = await Promise.all(unequal.map(isEqual));
      unequal = unequal.filter((_, n) => states[n] === false);
      return unequal.length === 0;
    },
    withinMs,
  );
}

async function rests(producer: Producer): Promise<void> {
  await eventually("no run is under way", () => isAtRest(producer), FIRST_RUNS_MS);
}

/** No route has an open hint, and none runs. */
async function isAtRest(producer: Producer): Promise<boolean> {
  for await (const { requested, synced, running } of producer.allRoutes()) {
    if (requested !== synced || running !== undefined) return false;
  }
  return true;
}
