/**
 * Five thousand routes at `every: 15m` and nothing to do: one worker has to keep up, at little cost.
 *
 * The state is made what a quarter of an hour of work leaves behind: every route was looked at, and its next look is
 * due at its own moment of the next fifteen minutes. Then three minutes of that schedule pass as they are. The remotes
 * are HTTP servers without TLS; the figure is the worker process's own time, as remotes over HTTP start no children.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { configuredRoutes, parseConfig } from "@gitsync/runtime";
import { newId, type Producer } from "@gitsync/producer";
import type { RouteDefinition } from "@gitsync/jobs";
import { forEach, mirrorsOf, reportsSince, routeIds } from "./fleet-work.ts";
import { startFleet, type StoreKind } from "./fleet.ts";
import type { Figure } from "./figure.ts";
import { machineText, machineUse } from "./machine-use.ts";
import { percentile } from "./percentile.ts";
import { cpuMs } from "./process-usage.ts";
import type { BenchSettings } from "./settings.ts";
import { startSlowRemotes } from "./slow-remotes.ts";

const NAME = "idle-routes";
const ROUTES = 5_000;
const HOSTS = 4;
const CONCURRENCY = 8;
const EVERY_MS = 15 * 60_000;
const DELAY_MS = 50;
/** For what the start of a worker costs. */
const CALM_MS = 30_000;
const WINDOW_MS = 180_000;
/** Later than this after its moment a look is overdue: two turns of the sweep. */
const LATE_MS = 30_000;

export async function measureIdleRoutes({ stores }: BenchSettings): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const store of stores) figures.push(...(await measureOn(store)));
  return figures;
}

async function measureOn(store: StoreKind): Promise<readonly Figure[]> {
  await using remotes = await startSlowRemotes(DELAY_MS);
  const ends = Array.from({ length: ROUTES }, (_, n) => ({
    source: remotes.url(`s${n}`),
    target: remotes.url(`t${n}`, 1 + (n % HOSTS)),
  }));
  const config = `egress: { schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }
defaults: { every: 15m }
${mirrorsOf(ends)}`;
  await using fleet = await startFleet({ store, config });
  const { producer } = fleet;
  const definitions = configuredRoutes(parseConfig(`version: 1\n${config}`, "mirrors.yaml")).map(
    (route) => route.definition,
  );
  const dueAt = await workedOnce(producer, definitions);
  const worker = await fleet.startWorker({ concurrency: CONCURRENCY });
  await sleep(CALM_MS);
  const cpuBefore = cpuMs(worker.pid);
  const endMachineUse = machineUse();
  const from = await producer.routes.now();
  await sleep(WINDOW_MS);
  const to = await producer.routes.now();
  const share = (100 * (cpuMs(worker.pid) - cpuBefore)) / (to - from);
  const machine = endMachineUse();
  const reports = await reportsSince(producer, routeIds(ROUTES), from);
  const lookedAt = new Map(reports.map(({ route, startedAt }) => [route, startedAt]));
  const due = [...dueAt].filter(([, at]) => at >= from && at < to - LATE_MS);
  const waits = due.map(([route, at]) => (lookedAt.get(route) ?? Infinity) - at);
  const how = `${due.length} of ${ROUTES} routes were due in ${WINDOW_MS / 1_000} s, ${reports.length} looks; ${machineText(machine)}`;
  return [
    {
      benchmark: NAME,
      name: `routes not looked at within ${LATE_MS / 1_000} s, ${store}`,
      value: waits.filter((wait) => wait > LATE_MS).length,
      unit: "",
      limit: 0,
      how: `half within ${(percentile(waits, 50) / 1_000).toFixed(1)} s, 99 % within ${(percentile(waits, 99) / 1_000).toFixed(1)} s`,
    },
    { benchmark: NAME, name: `CPU of the worker process, ${store}`, value: share, unit: "%", limit: 25, how },
  ];
}

/** Store the routes as a fleet leaves them that has looked at each. @returns when each is due next. */
async function workedOnce(
  { routes }: Producer,
  definitions: readonly RouteDefinition[],
): Promise<ReadonlyMap<string, number>> {
  await routes.putAll(definitions);
  const now = await routes.now();
  const places = definitions.map(
    (definition, n) => [definition, Math.trunc(now + (n / definitions.length) * EVERY_MS)] as const,
  );
  await forEach(places, async ([{ id, targetKey }, nextDueAt]) => {
    const runId = newId();
    await routes.hint(id, { jobId: newId(), lane: "sync", trigger: "schedule" });
    const run = await routes.startRun(targetKey, {
      runId,
      workerId: "before",
      attempt: 1,
      skip: [],
      known: [id],
    });
    if (run.type === "idle") throw new Error(`${id} has nothing to do`);
    const { startedAt, requested } = run;
    const common = { runId, jobId: run.jobIds[0] ?? "", route: id, attempt: 1, startedAt } as const;
    await routes.finishRun(
      { ...common, finishedAt: startedAt, outcome: "converged", final: true },
      { synced: requested, condition: "ok", failures: "reset", jobState: "completed", nextDueAt },
    );
  });
  return new Map(places.map(([{ id }, at]) => [id, at]));
}
