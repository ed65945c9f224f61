/** One, two, four and eight workers on remotes that cost 200 ms each: how close to linear does the fleet grow? */

import type { RunReport } from "@gitsync/jobs";
import { firstLook, hintEach, idle, mirrorsOf, reportsSince, routeIds } from "./fleet-work.ts";
import { startFleet, type BenchFleet, type StoreKind } from "./fleet.ts";
import type { Figure } from "./figure.ts";
import { machineText, machineUse, type MachineUse } from "./machine-use.ts";
import { cpuMs } from "./process-usage.ts";
import type { BenchSettings } from "./settings.ts";
import { startSlowRemotes } from "./slow-remotes.ts";
import type { RunningProcess } from "../support/process.ts";

const NAME = "workers";
const STEPS = [1, 2, 4, 8] as const;
const DELAY_MS = 200;
/**
 * Jobs that a worker runs at once. What is measured is whether workers get in each other's way, not how much two cores
 * can do: eight workers, Postgres and the remotes are to leave some of the machine unused.
 */
const CONCURRENCY: Readonly<Record<StoreKind, number>> = { redis: 4, embedded: 1 };
/** About ten seconds of work. */
const ROUTES_PER_SLOT = 40;
/** Hosts, each with a lane of its own on Redis. */
const HOSTS = 4;

export async function measureWorkers({ stores }: BenchSettings): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const store of stores) figures.push(...(await measureOn(store)));
  return figures;
}

interface Step {
  readonly workers: number;
  readonly jobsPerSecond: number;
  /** Processor time for each job. */
  readonly cpuMsPerJob: Readonly<Record<"workers" | "store", number>>;
  readonly machine: MachineUse;
}

async function measureOn(store: StoreKind): Promise<readonly Figure[]> {
  await using remotes = await startSlowRemotes(DELAY_MS);
  const concurrency = CONCURRENCY[store];
  const routesPerWorker = ROUTES_PER_SLOT * concurrency;
  const count = routesPerWorker * Math.max(...STEPS);
  const ends = Array.from({ length: count }, (_, n) => ({
    source: remotes.url(`s${n}`),
    target: remotes.url(`t${n}`, 1 + (n % HOSTS)),
  }));
  await using fleet = await startFleet({
    store,
    config: `egress: { schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }
defaults: { every: 24h }
${mirrorsOf(ends)}`,
  });
  const workers: RunningProcess[] = [];
  const steps: Step[] = [];
  for (const number of STEPS) {
    while (workers.length < number) workers.push(await fleet.startWorker({ concurrency }));
    if (number === 1) await firstLook(fleet.producer, routeIds(count));
    const step = await measureStep(fleet, workers, routesPerWorker);
    process.stderr.write(`  ${store}: ${describe(step)}\n`);
    steps.push(step);
  }
  const [alone] = steps;
  if (alone === undefined) return [];
  return steps.slice(1).map((step) => ({
    benchmark: NAME,
    name: `linear growth / that of ${step.workers} workers, ${store}`,
    value: (step.workers * alone.jobsPerSecond) / step.jobsPerSecond,
    unit: "",
    limit: 1.11,
    how: `${concurrency} at once; ${describe(step)}; one worker ${alone.jobsPerSecond.toFixed(1)} jobs/s`,
  }));
}

async function measureStep(
  fleet: BenchFleet,
  workers: readonly RunningProcess[],
  routesPerWorker: number,
): Promise<Step> {
  const { producer } = fleet;
  const routes = routeIds(routesPerWorker * workers.length);
  const since = await producer.routes.now();
  const cpu = (): number => workers.reduce((sum, worker) => sum + cpuMs(worker.pid), 0);
  const cpuBefore = { workers: cpu(), store: fleet.storeCpuMs() };
  const endMachineUse = machineUse();
  await hintEach(producer, routes);
  await idle(producer);
  const machine = endMachineUse();
  const reports = await reportsSince(producer, routes, since);
  return {
    workers: workers.length,
    jobsPerSecond: steadyRate(reports),
    cpuMsPerJob: {
      workers: (cpu() - cpuBefore.workers) / reports.length,
      store: (fleet.storeCpuMs() - cpuBefore.store) / reports.length,
    },
    machine,
  };
}

/** Runs per second while all workers had work: without the first tenth, and the last one, when some are done. */
function steadyRate(reports: readonly RunReport[]): number {
  const ends = reports.map(({ finishedAt }) => finishedAt).toSorted((a, b) => a - b);
  const [from, to] = [Math.floor(ends.length * 0.1), Math.floor(ends.length * 0.9)];
  return ((to - from) * 1_000) / ((ends[to] ?? 0) - (ends[from] ?? 0));
}

function describe({ workers, jobsPerSecond, cpuMsPerJob, machine }: Step): string {
  const cpu = `${cpuMsPerJob.workers.toFixed(1)} ms of CPU each and ${cpuMsPerJob.store.toFixed(1)} ms of the store's`;
  return `${workers} workers: ${jobsPerSecond.toFixed(1)} jobs/s at ${cpu}, ${machineText(machine)}`;
}
