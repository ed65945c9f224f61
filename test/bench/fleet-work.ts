/** Work for a fleet under measurement: configurations of many routes, hints for all of them, waiting for their end. */

import { setTimeout as sleep } from "node:timers/promises";
import type { JobState, RunReport, Trigger } from "@gitsync/jobs";
import type { Producer } from "@gitsync/producer";

/** Requests to the store that are under way at a time. */
const AT_ONCE = 50;
const LOOK_MS = 100;
const GIVE_UP_MS = 600_000;

export interface Ends {
  readonly source: string;
  readonly target: string;
}

/** `mirrors:` of a configuration whose routes are `m0/t`, `m1/t` … */
export function mirrorsOf(ends: readonly Ends[]): string {
  const lines = ends.map(
    ({ source, target }, n) =>
      `  - { id: m${n}, source: { url: "${source}" }, targets: [{ id: t, url: "${target}" }] }\n`,
  );
  return `mirrors:\n${lines.join("")}`;
}

/** The first routes of such a configuration. */
export function routeIds(count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => `m${n}/t`);
}

/** Do something for each of many, in turn but several at once. */
export async function forEach<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const work = async (): Promise<void> => {
    for (const item of rest) await act(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** Hint each route once. Resolves once all hints are taken. */
export async function hintEach(
  producer: Producer,
  routes: readonly string[],
  trigger: Trigger = "webhook",
): Promise<void> {
  await forEach(routes, async (route) => {
    await producer.enqueueRoute(route, { trigger, withinMs: 60_000 });
  });
}

/** Have every route looked at once, so that from then on a run happens for a reason of the benchmark. */
export async function firstLook(producer: Producer, routes: readonly string[]): Promise<void> {
  await stored(producer, routes);
  await hintEach(producer, routes, "person");
  await idle(producer);
}

/** Resolves when a worker has stored the routes of its configuration. */
export async function stored(producer: Producer, routes: readonly string[]): Promise<void> {
  await until("the routes are stored", async () => {
    return (await producer.routes.configured()).size >= routes.length;
  });
}

/** Resolves when no job waits or runs. */
export async function idle(producer: Producer): Promise<void> {
  await until("no job waits or runs", async () => openJobs(await producer.routes.jobCounts()) === 0);
}

/** Jobs that are not over. */
function openJobs(counts: Readonly<Record<JobState, number>>): number {
  return counts.waiting + counts.delayed + counts.active;
}

/** The reports of routes, those of runs that began at `since` or later. */
export async function reportsSince(
  producer: Producer,
  routes: readonly string[],
  since: number,
): Promise<readonly RunReport[]> {
  const reports: RunReport[] = [];
  await forEach(routes, async (route) => {
    const all = await producer.routes.reports(route);
    reports.push(...all.filter(({ startedAt }) => startedAt >= since));
  });
  return reports;
}

/** Runs of one route that were under way at the same time. */
export function overlapsIn(reports: readonly RunReport[]): number {
  return [...Map.groupBy(reports, ({ route }) => route).values()].reduce((sum, runs) => {
    const inTurn = runs.toSorted((a, b) => a.startedAt - b.startedAt);
    return sum + inTurn.filter((run, n) => run.startedAt < (inTurn[n - 1]?.finishedAt ?? 0)).length;
  }, 0);
}

/** Ask again and again until the answer is yes. */
export async function until(what: string, ask: () => Promise<boolean>): Promise<void> {
  const endsAt = performance.now() + GIVE_UP_MS;
  while (!(await ask())) {
    if (performance.now() > endsAt) throw new Error(`not within ${GIVE_UP_MS / 1_000} s: ${what}`);
    await sleep(LOOK_MS);
  }
}
