/** A fleet as it is deployed: a store of its own, workers and a gateway as processes, a producer beside them. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createProducer, type Producer } from "@gitsync/producer";
import { createSilentLogger, openQueueStore, parseQueueUrl } from "@gitsync/runtime";
import { addressOf, cliFolder, startCli } from "../cli/git-sync.ts";
import type { RunningProcess } from "../support/process.ts";
import { startRedis } from "../support/redis.ts";
import { familyCpuMs } from "./process-usage.ts";

/** What is measured is what is deployed: compiled, not the checkout's sources, whose compiler is memory, too. */
const DEPLOYED = join(import.meta.dirname, "deployed-cli.mjs");

/** Redis with `appendfsync always`, or the embedded Postgres as it comes. */
export type StoreKind = "redis" | "embedded";

/** Both; most figures of the fleet are held to their limits on each. */
export const STORES: readonly StoreKind[] = ["redis", "embedded"];

export interface FleetOptions {
  readonly store: StoreKind;
  /** YAML of `mirrors.yaml` after its version. */
  readonly config: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface BenchFleet extends AsyncDisposable {
  /** Reads and writes the state from this process. */
  readonly producer: Producer;
  /** Processor time of the store's server so far. */
  storeCpuMs(): number;
  /** Start a worker; resolves once it takes jobs. */
  startWorker(options?: { readonly concurrency?: number }): Promise<RunningProcess>;
  /** Start a gateway on a port of its own. */
  startGateway(): Promise<{ readonly address: string; readonly pid: number }>;
}

/** Start a store. Whatever was started on it ends with it. */
export async function startFleet({ store: kind, config, env }: FleetOptions): Promise<BenchFleet> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(cliFolder("bench-fleet"));
  const redis = kind === "redis" ? stack.use(await startRedis()) : undefined;
  const url = redis?.url ?? `embedded:${folder.join("queue")}`;
  const file = folder.join("mirrors.yaml");
  writeFileSync(file, `version: 1\n${config}`);
  const logger = createSilentLogger();
  const store = await openQueueStore(parseQueueUrl(url, {}), { logger, role: "producer" });
  stack.defer(() => store.close());
  const producer = await createProducer({ store, logger });
  stack.defer(() => producer.close());
  const options = {
    bin: DEPLOYED,
    folder: folder.path,
    env: { GITSYNC_QUEUE_URL: url, GITSYNC_CONFIG: file, ...env },
  };
  const owned = stack.move();
  return {
    producer,
    storeCpuMs: () => familyCpuMs(redis?.pid ?? postmasterOf(folder.join("queue"))),
    startWorker: async ({ concurrency } = {}) => {
      const flags = concurrency === undefined ? [] : ["--concurrency", String(concurrency)];
      const worker = owned.use(startCli(["worker", ...flags], options));
      await worker.waitForLine(/Worker takes jobs/u, { timeoutMs: 120_000 });
      return worker;
    },
    startGateway: async () => {
      const gateway = owned.use(startCli(["gateway", "--listen", "127.0.0.1:0"], options));
      return { address: await addressOf(gateway), pid: gateway.pid };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function postmasterOf(directory: string): number {
  return Number(readFileSync(join(directory, "postgres/postmaster.pid"), "latin1").split("\n", 1)[0]);
}
