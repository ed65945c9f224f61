/** Feeds the lanes: what is due, what is dirty without a job, what has waited for too long. */

import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import { nextDueAt } from "@gitsync/jobs";
import {
  Deadline,
  giveHint,
  type FleetStore,
  type HintWay,
  type LiveProcess,
  type WakingRoute,
} from "@gitsync/producer";

/** Hints that are given at a time. */
const AT_ONCE = 8;
const HINT_MS = 5_000;
/** After this long a job waits no longer behind the webhooks. */
const PATIENCE_MS = 10 * 60_000;
const RAISED_AT_ONCE = 100;

export interface Fed {
  /** Routes that were hinted. */
  readonly hinted: number;
  /** There may be more to do at once. */
  readonly isFull: boolean;
}

/** Hint waking routes, at most twice as many as there are free slots in the fleet. */
export async function feedLanes(way: HintWay, fleet: FleetStore): Promise<Fed> {
  const { routes } = way;
  const [processes, { active }] = await Promise.all([fleet.processes(), routes.jobCounts()]);
  const capacity = processes.reduce((sum, process) => sum + process.capacity, 0);
  // One at least: slots that a dead worker's jobs still seem to hold must not stop the schedule.
  const quota = Math.max(1, 2 * (capacity - active));
  const waking = await routes.takeWaking(quota);
  const now = await routes.now();
  const running = await Promise.all(waking.map(async (route) => await isRunning(way, route, processes)));
  const asleep = waking.filter((_, index) => running[index] !== true);
  for (let from = 0; from < asleep.length; from += AT_ONCE) {
    await Promise.all(asleep.slice(from, from + AT_ONCE).map((route) => hint(way, route, now)));
  }
  return { hinted: asleep.length, isFull: waking.length === quota };
}

/** Raise jobs that waited for too long. @returns where to go on next time; `undefined` for the beginning. */
export async function raiseOldJobs(
  { routes, lanes }: HintWay,
  after: string | undefined,
): Promise<string | undefined> {
  const before = (await routes.now()) - PATIENCE_MS;
  const query = { before, limit: RAISED_AT_ONCE, ...(after === undefined ? {} : { after }) };
  const jobs = await routes.waitingJobs(query);
  for (const target of new Set(jobs.map((job) => job.target))) await lanes.raise(target, "webhook");
  return jobs.length === RAISED_AT_ONCE ? jobs.at(-1)?.id : undefined;
}

/**
 * Its worker lives, and the queue still has the job: somebody will say how the run ended. A worker that could not
 * record the end of a job's last attempt lives as well, and nobody will.
 */
async function isRunning(
  { lanes }: HintWay,
  { workerId, target }: WakingRoute,
  processes: readonly LiveProcess[],
): Promise<boolean> {
  return workerId !== undefined && processes.some(({ id }) => id === workerId) && (await lanes.holds(target));
}

async function hint(way: HintWay, route: WakingRoute, now: number): Promise<void> {
  const { id, target, every, lastChangeAt, everStarted, lookAgain } = route;
  const due =
    every === undefined
      ? {}
      : { nextDueAt: nextDueAt(id, every, { now, lastChangeAt, random: Math.random() }) };
  // What is found where the store may have forgotten a hint is not counted as a webhook that said nothing.
  const trigger = everStarted && !lookAgain ? "schedule" : "backfill";
  // A trace of its own: the sweep's timers would pass on the one that happened to start them, to every run for ever.
  await context.with(ROOT_CONTEXT, () =>
    giveHint(way, { route: id, target, trigger, ...due }, new Deadline(HINT_MS)),
  );
}
