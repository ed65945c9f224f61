/** What every store must know of due routes, configured routes, processes and leases. */

import type { RouteDefinition, RunReport } from "@gitsync/jobs";
import {
  definitionDigest,
  newId,
  openFleetStore,
  openRouteStore,
  SILENT_MS,
  type FleetStore,
  type NewHint,
  type NextRun,
  type RouteStore,
  type RunEnd,
} from "@gitsync/producer";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Backend, BackendKind } from "./support/backends.ts";
import { someRoute } from "./support/routes.ts";

const LANE = "sync.target.test";
const MINUTE = 60_000;
const EVERY = 15 * MINUTE;
const DAY = 24 * 60 * MINUTE;

type StartedRun = Extract<NextRun, { readonly type: "run" }> & { readonly runId: string };

/** Define the suite for one kind of store. */
export function describeSchedule(kind: BackendKind): void {
  let backend: Backend;
  let routes: RouteStore;
  let fleet: FleetStore;
  let time = 0;

  beforeAll(async () => {
    backend = await kind.open();
  });
  afterAll(async () => {
    await backend?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    time = Date.now();
    const clock = { clock: () => time };
    routes = await openRouteStore(backend.store, clock);
    fleet = await openFleetStore(backend.store, clock);
    await backend.reset();
  });

  async function configured(facts: Partial<RouteDefinition> = {}): Promise<RouteDefinition> {
    const route = someRoute({ every: EVERY, ...facts });
    await routes.put(route);
    return route;
  }

  const hint = (route: RouteDefinition, facts: Partial<NewHint> = {}) =>
    routes.hint(route.id, { jobId: newId(), lane: LANE, trigger: "schedule", ...facts });

  async function start(route: RouteDefinition): Promise<StartedRun> {
    const runId = newId();
    const run = await routes.startRun(route.targetKey, {
      runId,
      workerId: "w1",
      attempt: 1,
      skip: [],
      known: [route.id],
    });
    if (run.type !== "run") throw new Error("nothing to run");
    return { ...run, runId };
  }

  async function finish(run: StartedRun, end: Partial<RunEnd> = {}): Promise<void> {
    const report: RunReport = {
      runId: run.runId,
      jobId: run.jobIds[0] ?? "none",
      route: run.route.id,
      attempt: 1,
      startedAt: run.startedAt,
      finishedAt: time,
      outcome: "converged",
      final: true,
    };
    const settles = end.failures === undefined ? { synced: run.requested } : {};
    await routes.finishRun(report, {
      condition: "ok",
      failures: "reset",
      jobState: "completed",
      ...settles,
      ...end,
    });
  }

  const wakingIds = async (limit = 100): Promise<readonly string[]> =>
    (await routes.takeWaking(limit)).map((route) => route.id);

  describe("routes that wake", () => {
    test("a configured route is due at once, is named once a minute, and then when its run says", async () => {
      const route = await configured();
      expect(await routes.takeWaking(10)).toEqual([
        {
          id: route.id,
          target: route.targetKey,
          every: EVERY,
          dirty: false,
          lastChangeAt: undefined,
          everStarted: false,
          workerId: undefined,
        },
      ]);
      expect(await wakingIds()).toEqual([]);
      time += MINUTE;
      expect(await wakingIds()).toEqual([route.id]);
      await hint(route);
      await finish(await start(route), { nextDueAt: time + EVERY });
      expect(await routes.route(route.id)).toMatchObject({ nextDueAt: time + EVERY, lastChangeAt: time });
      time += EVERY - 1;
      expect(await wakingIds()).toEqual([]);
      time += 1;
      expect(await routes.takeWaking(10)).toMatchObject([{ id: route.id, dirty: false, everStarted: true }]);
    });

    test("a route that no configuration names is never due, but found when it stays dirty", async () => {
      const route = someRoute();
      await routes.put(route);
      time += DAY;
      expect(await wakingIds()).toEqual([]);
      await hint(route);
      time += 29_999;
      expect(await wakingIds()).toEqual([]);
      time += 1;
      expect(await routes.takeWaking(10)).toMatchObject([{ id: route.id, dirty: true, every: undefined }]);
      await finish(await start(route));
      time += DAY;
      expect(await wakingIds()).toEqual([]);
    });

    test("the longest waiting come first, as many as are wanted", async () => {
      const ids: string[] = [];
      for (let n = 0; n < 5; n += 1) {
        ids.push((await configured()).id);
        time += 1;
      }
      expect(await wakingIds(2)).toEqual(ids.slice(0, 2));
      expect(await wakingIds(2)).toEqual(ids.slice(2, 4));
      expect(await wakingIds(2)).toEqual(ids.slice(4));
    });

    test("a route that failed is not named before its time; the schedule does not shorten that, news do", async () => {
      const route = await configured();
      await hint(route);
      await finish(await start(route), { failures: "count", jobState: "failed", waitMs: DAY });
      time += DAY - 1;
      expect(await wakingIds()).toEqual([]);
      await hint(route);
      expect(await routes.route(route.id)).toMatchObject({ notBefore: time + 1 });
      await hint(route, { trigger: "webhook" });
      expect(await routes.route(route.id)).toMatchObject({ notBefore: undefined });
    });

    test("a paused route sleeps; resumed, it is found", async () => {
      const route = await configured();
      await routes.setPaused(route.id, true);
      time += DAY;
      expect(await wakingIds()).toEqual([]);
      await routes.setPaused(route.id, false);
      expect(await wakingIds()).toEqual([route.id]);
    });

    test("a route whose run is under way says who runs it", async () => {
      const route = await configured();
      await hint(route);
      await start(route);
      time += MINUTE;
      expect(await routes.takeWaking(10)).toMatchObject([{ id: route.id, dirty: true, workerId: "w1" }]);
    });

    test("the schedule's hint moves the due time; a cancelled job leaves its route alone until then", async () => {
      const route = await configured();
      const receipt = await hint(route, { nextDueAt: time + EVERY });
      expect(await routes.route(route.id)).toMatchObject({ nextDueAt: time + EVERY });
      await routes.cancelJob(receipt?.jobId ?? "");
      expect(await routes.route(route.id)).toMatchObject({ notBefore: time + EVERY });
      time += EVERY;
      expect(await wakingIds()).toEqual([route.id]);
    });

    test("a run that changed the target is remembered, one that did not keeps the last change", async () => {
      const route = await configured();
      await hint(route);
      await finish(await start(route), { changed: true });
      const changedAt = time;
      time += MINUTE;
      await hint(route);
      const run = await start(route);
      expect(run.lastChangeAt).toBe(changedAt);
      await finish(run);
      expect(await routes.route(route.id)).toMatchObject({ lastChangeAt: changedAt });
    });
  });

  describe("the configuration", () => {
    test("configured routes are known by their digests, others are not named", async () => {
      const route = await configured();
      await routes.put(someRoute());
      expect(await routes.configured()).toEqual(new Map([[route.id, definitionDigest(route)]]));
    });

    test("a change is looked at now and clears the waiting time and the quarantine; the same again changes nothing", async () => {
      const route = await configured();
      await hint(route);
      const ref = { targetRef: "refs/heads/x", sourceHash: "1", code: "hook-declined", reason: "no" };
      await finish(await start(route), {
        nextDueAt: time + EVERY,
        waitMs: DAY,
        quarantine: [{ ...ref, since: time, until: time + DAY }],
      });
      await routes.put(route);
      expect(await routes.route(route.id)).toMatchObject({
        nextDueAt: time + EVERY,
        notBefore: time + DAY,
        quarantine: [ref],
      });
      time += 1;
      await routes.put({ ...route, scope: { includeRefs: ["refs/heads/*"] } });
      expect(await routes.route(route.id)).toMatchObject({
        nextDueAt: time,
        notBefore: undefined,
        quarantine: [],
        state: "ok",
      });
      expect(await wakingIds()).toEqual([route.id]);
    });

    test("many routes are stored at once, whatever their order", async () => {
      const many = Array.from({ length: 300 }, () => someRoute({ every: "auto" }));
      await Promise.all([routes.putAll(many), routes.putAll(many.toReversed())]);
      expect((await routes.configured()).size).toBe(300);
      expect(await wakingIds(1_000)).toHaveLength(300);
    });

    test("a route that another process configured is left to one that knows it", async () => {
      const route = await configured();
      await hint(route);
      const asked = { runId: newId(), workerId: "old", attempt: 1, skip: [] };
      expect(await routes.startRun(route.targetKey, asked)).toEqual({ type: "idle", foreign: true });
      await start(route);
    });

    test("a retired route is gone with its jobs; when it comes back, what was known of it is there", async () => {
      const route = await configured();
      await hint(route);
      await finish(await start(route));
      await routes.setPaused(route.id, true);
      const waiting = await hint(route);
      await routes.retire([route.id, "nobody/there"]);
      expect(await routes.route(route.id)).toBeUndefined();
      expect((await routes.routes()).routes).toEqual([]);
      expect((await routes.configured()).size).toBe(0);
      expect(await routes.setPaused(route.id, false)).toBe(false);
      expect(await hint(route)).toBeUndefined();
      expect(await routes.job(waiting?.jobId ?? "")).toMatchObject({
        state: "cancelled",
        report: { error: { code: "ROUTE_NOT_FOUND" } },
      });
      time += DAY;
      expect(await wakingIds()).toEqual([]);
      await routes.put(route);
      expect(await routes.route(route.id)).toMatchObject({ paused: true, lastSuccessAt: expect.any(Number) });
      expect(await routes.reports(route.id)).toHaveLength(2);
      await routes.setPaused(route.id, false);
      time += MINUTE;
      expect(await wakingIds()).toEqual([route.id]);
    });
  });

  test("a delivery that comes again is noticed for a day, and hints all the same", async () => {
    const [route, other] = [await configured(), await configured()];
    const deliver = (to: RouteDefinition) => hint(to, { trigger: "webhook", delivery: "d-1" });
    expect(await deliver(route)).toMatchObject({ redelivered: false });
    expect(await deliver(other)).toMatchObject({ redelivered: false });
    const before = (await routes.route(route.id))?.requested;
    expect(await deliver(route)).toMatchObject({ redelivered: true });
    expect((await routes.route(route.id))?.requested).not.toBe(before);
    expect(await hint(route)).toMatchObject({ redelivered: false });
  });

  test("jobs that wait are found by their age, page by page, and counted", async () => {
    const all = [await configured(), await configured(), await configured()];
    const receipts = await Promise.all(all.map((route) => hint(route)));
    const ids = receipts.map((receipt) => receipt?.jobId ?? "").toSorted();
    expect(await routes.waitingJobs({ before: Date.now() - MINUTE, limit: 10 })).toEqual([]);
    const soon = { before: Date.now() + MINUTE, limit: 2 };
    const page = await routes.waitingJobs(soon);
    expect(page.map((job) => job.id)).toEqual(ids.slice(0, 2));
    const rest = await routes.waitingJobs({ ...soon, after: ids[1] ?? "" });
    expect(rest.map((job) => job.id)).toEqual(ids.slice(2));
    const [first] = all;
    if (first !== undefined) await start(first);
    expect(await routes.jobCounts()).toMatchObject({ waiting: 2, active: 1, completed: 0, failed: 0 });
  });

  describe("processes", () => {
    test("live as long as they say so", async () => {
      await fleet.beat({ id: "b", capacity: 0, configHash: "1" });
      await fleet.beat({ id: "a", capacity: 8, configHash: undefined });
      expect(await fleet.processes()).toEqual([
        { id: "a", capacity: 8, beatAt: time },
        { id: "b", capacity: 0, configHash: "1", beatAt: time },
      ]);
      time += SILENT_MS;
      await fleet.beat({ id: "a", capacity: 4, configHash: "2" });
      expect(await fleet.processes()).toHaveLength(2);
      time += 1;
      expect(await fleet.processes()).toEqual([{ id: "a", capacity: 4, configHash: "2", beatAt: time - 1 }]);
      await fleet.leave("a");
      expect(await fleet.processes()).toEqual([]);
    });

    test("a lease has one holder, until it ends or is given back", async () => {
      expect(await fleet.takeLease("sweep", "a", 1_000)).toBe(true);
      expect(await fleet.takeLease("sweep", "b", 1_000)).toBe(false);
      expect(await fleet.takeLease("other", "b", 1_000)).toBe(true);
      time += 900;
      expect(await fleet.takeLease("sweep", "a", 1_000)).toBe(true);
      time += 900;
      expect(await fleet.takeLease("sweep", "b", 1_000)).toBe(false);
      time += 100;
      expect(await fleet.takeLease("sweep", "b", 1_000)).toBe(true);
      await fleet.dropLease("sweep", "a");
      expect(await fleet.takeLease("sweep", "a", 1_000)).toBe(false);
      await fleet.dropLease("sweep", "b");
      expect(await fleet.takeLease("sweep", "a", 1_000)).toBe(true);
    });

    test("of many that ask at once, one gets the lease", async () => {
      const asked = await Promise.all(
        Array.from({ length: 20 }, (_, n) => fleet.takeLease("sweep", `p${n}`, 1_000)),
      );
      expect(asked.filter(Boolean)).toHaveLength(1);
    });
  });
}
