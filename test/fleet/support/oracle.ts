/**
 * The oracle of every test that breaks something of the fleet: what must never happen, whatever was killed, lost or
 * hung. It believes nobody: refs are read from the repositories, runs from whoever ran them, secrets are looked for
 * in what was written.
 *
 * - Every value of a managed target ref was one of its source ref, in the source's order, and was written once.
 * - At rest every target equals its source.
 * - No hint is lost: a route is clean, or visibly not fine; and whenever it was clean, a run that went through had
 *   started after each hint before.
 * - No two runs of a target at once. After a lost lock two may meet for as long as it takes to notice, and the one
 *   that lost it has no say.
 * - No secret anywhere.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { RouteStatus } from "@gitsync/jobs";
import type { Producer } from "@gitsync/producer";
import { checkRefHistory } from "../../support/ref-log.ts";
import { isEqual, type MirroredPair } from "./mirrored-pairs.ts";

/** What a worker notices a lost lock after, at most: half of a lock's time. */
const NOTICED_MS = 10_000;

/** How long the fleet may take to answer what the schedule asked for since it was at rest. */
const PATIENCE_MS = 30_000;
const LOOK_MS = 100;

/** A run as it was seen by whoever ran it. Times are of one clock. */
export interface SeenTargetRun {
  readonly target: string;
  readonly startedAt: number;
  readonly endedAt: number;
  /** It was told that it had lost its lock, or its record was not taken. */
  readonly lostLock?: boolean;
}

/** A hint that was accepted. Times are of the store's clock. */
export interface TakenHint {
  readonly route: string;
  readonly requestedAt: number;
  /** The route had an open hint already. */
  readonly coalesced: boolean;
}

/** A run that went through. Times are of the store's clock. */
export interface AnsweringRun {
  readonly route: string;
  readonly startedAt: number;
  readonly endedAt: number;
}

export interface Evidence {
  /** The state at the end. Without it, hints are not looked at. */
  readonly producer?: Producer;
  /** For an open hint to be answered, in milliseconds. Default: 30,000. */
  readonly patienceMs?: number;
  /** Routes that the state has to know. */
  readonly routes?: readonly string[];
  readonly pairs?: readonly MirroredPair[];
  readonly runs?: readonly SeenTargetRun[];
  /** Every hint that was accepted, and every run that went through. */
  readonly hints?: readonly TakenHint[];
  readonly answers?: readonly AnsweringRun[];
  /** Secrets of the test, and by its name everything that was written where none may be. */
  readonly secrets?: readonly string[];
  readonly written?: Readonly<Record<string, string>>;
}

/** What must not be, as sentences; empty when nothing is wrong. Ask when the fleet is at rest. */
export async function faultsOf(evidence: Evidence): Promise<readonly string[]> {
  const { producer, routes, pairs = [], runs = [], secrets = [], written = {} } = evidence;
  const { hints = [], answers = [], patienceMs = PATIENCE_MS } = evidence;
  const known = routes ?? pairs.map(({ id }) => id);
  return [
    ...(await Promise.all(pairs.map(faultsOfRefs))).flat(),
    ...(producer === undefined ? [] : await lostHints(producer, known, patienceMs)),
    ...unansweredHints(hints, answers),
    ...overlaps(runs),
    ...foundSecrets(secrets, written),
  ];
}

async function faultsOfRefs(pair: MirroredPair): Promise<readonly string[]> {
  const { id, logs } = pair;
  const faults = [...(await checkRefHistory(...logs))];
  const last = new Map<string, string | undefined>();
  for (const { ref, value } of await logs[1].changes()) {
    if (value !== undefined && last.get(ref) === value) faults.push(`${ref} was made ${value} twice`);
    last.set(ref, value);
  }
  if (!(await isEqual(pair))) faults.push("its target does not equal its source");
  return faults.map((fault) => `${id}: ${fault}`);
}

async function lostHints(
  producer: Producer,
  known: readonly string[],
  patienceMs: number,
): Promise<readonly string[]> {
  const endsAt = performance.now() + patienceMs;
  const found = new Set<string>();
  /** Tokens of hints, by route. */
  const open = new Map<string, string | undefined>();
  for await (const status of producer.allRoutes()) {
    found.add(status.definition.id);
    if (isOpen(status)) open.set(status.definition.id, status.requested);
  }
  while (open.size > 0 && performance.now() < endsAt) {
    await sleep(LOOK_MS);
    for (const [route, token] of open) {
      const status = await producer.routes.route(route);
      // What another hint has joined is answered with it.
      if (status === undefined || !isOpen(status) || status.synced === token) open.delete(route);
    }
  }
  return [
    ...[...open.keys()].map((route) => `${route}: its last hint was not answered`),
    ...known.filter((route) => !found.has(route)).map((route) => `${route}: it is not in the state any more`),
  ];
}

function isOpen({ requested, synced, state }: RouteStatus): boolean {
  return requested !== synced && state !== "failing" && state !== "unknown" && state !== "paused";
}

/**
 * Hints that the state took to be answered before a run had started after them. A hint finds its route clean unless it
 * was coalesced: each one before must have had its run by then, also one that came while another run was under way.
 */
function unansweredHints(hints: readonly TakenHint[], answers: readonly AnsweringRun[]): readonly string[] {
  const runs = Map.groupBy(answers, ({ route }) => route);
  return [...Map.groupBy(hints, ({ route }) => route)].flatMap(([route, given]) => {
    const starts = (runs.get(route) ?? []).map(({ startedAt }) => startedAt);
    const clean = [...given.filter(({ coalesced }) => !coalesced).map((hint) => hint.requestedAt), Infinity];
    return given.flatMap(({ requestedAt }) => {
      const cleanAt = Math.min(...clean.filter((at) => at > requestedAt));
      const isAnswered = starts.some((at) => at > requestedAt && at <= cleanAt);
      return isAnswered ? [] : [`${route}: its hint of ${requestedAt} was forgotten`];
    });
  });
}

function overlaps(runs: readonly SeenTargetRun[]): readonly string[] {
  const faults: string[] = [];
  const open = new Map<string, SeenTargetRun>();
  for (const run of runs.toSorted((a, b) => a.startedAt - b.startedAt)) {
    const before = open.get(run.target);
    if (before !== undefined && run.startedAt < before.endedAt) {
      const ms = Math.min(before.endedAt, run.endedAt) - run.startedAt;
      const excused = (before.lostLock === true || run.lostLock === true) && ms <= NOTICED_MS;
      if (!excused) faults.push(`${run.target}: two runs at once, for ${Math.round(ms)} ms`);
    }
    if (before === undefined || run.endedAt > before.endedAt) open.set(run.target, run);
  }
  return faults;
}

/** Every encoding in which a secret may have got somewhere. */
function foundSecrets(
  secrets: readonly string[],
  written: Readonly<Record<string, string>>,
): readonly string[] {
  const forms = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString("base64").replaceAll("=", ""),
    Buffer.from(secret).toString("hex"),
  ]);
  return Object.entries(written)
    .filter(([, text]) => forms.some((form) => text.includes(form)))
    .map(([place]) => `${place} holds a secret`);
}

/** Runs that a worker process wrote a line about when they were over. */
export function runsInLog(log: string): readonly SeenTargetRun[] {
  return finishedLines(log).map(({ target, superseded, report }) => {
    const { started_at: startedAt, finished_at: endedAt } = report;
    return { target, startedAt, endedAt, lostLock: superseded };
  });
}

/** Those of them that stand for the hints before. */
export function answersInLog(log: string): readonly AnsweringRun[] {
  return finishedLines(log)
    .filter(({ superseded, report }) => !superseded && wentThrough(report.outcome))
    .map(({ report }) => ({
      route: report.route,
      startedAt: report.started_at,
      endedAt: report.finished_at,
    }));
}

/** The same from the records of routes, which a worker that was killed may have written without a line. */
export async function answersInStore(
  producer: Producer,
  routes: readonly string[],
): Promise<readonly AnsweringRun[]> {
  const reports = await Promise.all(routes.map((route) => producer.routes.reports(route)));
  return reports
    .flat()
    .filter(({ outcome }) => wentThrough(outcome))
    .map(({ route, startedAt, finishedAt }) => ({ route, startedAt, endedAt: finishedAt }));
}

interface FinishedLine {
  readonly target: string;
  readonly superseded: boolean;
  readonly report: {
    readonly route: string;
    readonly outcome: string;
    readonly started_at: number;
    readonly finished_at: number;
  };
}

function finishedLines(log: string): readonly FinishedLine[] {
  const lines = log.split("\n").filter((line) => line.includes('"Sync run finished"'));
  return lines.map((line): FinishedLine => JSON.parse(line));
}

function wentThrough(outcome: string): boolean {
  return outcome === "converged" || outcome === "degraded";
}
