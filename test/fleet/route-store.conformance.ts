/** What every route store must do; run against each of them on a real server. */

import { ADHOC_KEEP_MS, MAX_REPORTS, targetKeyOf, type RouteDefinition, type RunReport } from "@gitsync/jobs";
import {
  newId,
  openRouteStore,
  type NextRun,
  type RouteStore,
  type RunEnd,
  type RunStart,
} from "@gitsync/producer";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Backend, BackendKind } from "./support/backends.ts";
import { convergedResult, someRoute } from "./support/routes.ts";

const LANE = "sync.target.test";
const DONE: RunEnd = { condition: "ok", failures: "reset", jobState: "completed" };

type StartedRun = Extract<NextRun, { readonly type: "run" }> & { readonly runId: string };

/** Define the suite for one kind of store. */
export function describeRouteStore(kind: BackendKind): void {
  let backend: Backend;
  let routes: RouteStore;
  let time = 0;

  beforeAll(async () => {
    backend = await kind.open();
  });
  afterAll(async () => {
    await backend?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    time = Date.now();
    routes = await openRouteStore(backend.store, { clock: () => time });
    await backend.reset();
  });

  async function stored(facts: Partial<RouteDefinition> = {}): Promise<RouteDefinition> {
    const route = someRoute(facts);
    await routes.put(route);
    return route;
  }

  async function hint(route: RouteDefinition, traceparent?: string) {
    const receipt = await routes.hint(route.id, {
      jobId: newId(),
      lane: LANE,
      trigger: "webhook",
      ...(traceparent === undefined ? {} : { traceparent }),
    });
    if (receipt === undefined) throw new Error("the route is not stored");
    return receipt;
  }

  async function start(route: RouteDefinition, facts: Partial<RunStart> = {}): Promise<StartedRun> {
    const runId = newId();
    const run = await routes.startRun(route.targetKey, {
      runId,
      workerId: "w1",
      attempt: 1,
      skip: [],
      ...facts,
    });
    if (run.type !== "run") throw new Error("nothing to run");
    return { ...run, runId: facts.runId ?? runId };
  }

  const idle = (route: RouteDefinition, skip: readonly string[] = []): Promise<NextRun> =>
    routes.startRun(route.targetKey, { runId: newId(), workerId: "w1", attempt: 1, skip });

  async function finish(
    run: StartedRun,
    end: Partial<RunEnd> = {},
    facts: Partial<RunReport> = {},
  ): Promise<boolean> {
    const report: RunReport = {
      runId: run.runId,
      jobId: run.jobIds[0] ?? "none",
      route: run.route.id,
      attempt: 1,
      startedAt: run.startedAt,
      finishedAt: time,
      outcome: "converged",
      final: true,
      result: convergedResult(),
      ...facts,
    };
    const settles = end.failures === undefined ? { synced: run.requested } : {};
    return await routes.finishRun(report, { ...DONE, ...settles, ...end });
  }

  describe("hints", () => {
    test("a hint makes a route dirty and opens one job; the next ones join it", async () => {
      const route = await stored();
      expect(await routes.route(route.id)).toMatchObject({
        state: "never-synced",
        requested: undefined,
        failuresInARow: 0,
      });
      const first = await hint(route);
      time += 10;
      const second = await hint(route);
      expect(first).toMatchObject({
        coalesced: false,
        state: "waiting",
        paused: false,
        tenantPending: 1,
        targetKey: route.targetKey,
      });
      expect(second).toMatchObject({
        coalesced: true,
        jobId: first.jobId,
        tenantPending: 1,
        requestedAt: time,
      });
      expect(second.requested).not.toBe(first.requested);
      expect(await routes.route(route.id)).toMatchObject({
        requested: second.requested,
        requestedAt: time,
        firstUnsyncedAt: time - 10,
      });
      expect(await routes.lanes()).toEqual([LANE]);
    });

    test("a hint of an unknown route says so", async () => {
      expect(
        await routes.hint("nobody/there", { jobId: newId(), lane: LANE, trigger: "person" }),
      ).toBeUndefined();
    });

    test("keeps the newest 32 hints with their traces until a run takes them", async () => {
      const route = await stored();
      for (let n = 0; n < 40; n++) await hint(route, `00-${String(n).padStart(32, "0")}-00f067aa0ba902b7-01`);
      const run = await start(route);
      expect(run.hints).toHaveLength(32);
      expect(run.hints[0]).toMatchObject({
        trigger: "webhook",
        traceparent: `00-${"8".padStart(32, "0")}-00f067aa0ba902b7-01`,
      });
      expect(run.hints.at(-1)?.traceparent).toContain("39-");
      await finish(run);
      await hint(route);
      expect((await start(route)).hints).toEqual([{ at: expect.any(Number), trigger: "webhook" }]);
    });

    test("counts the waiting jobs of a tenant", async () => {
      const [a, b] = [await stored(), await stored()];
      await hint(a);
      expect((await hint(b)).tenantPending).toBe(2);
      await start(a);
      expect((await hint(b)).tenantPending).toBe(1);
    });
  });

  describe("runs", () => {
    test("a run that saw the newest hint leaves the route clean", async () => {
      const route = await stored();
      const { requested, jobId } = await hint(route);
      const run = await start(route);
      expect(run).toMatchObject({ requested, jobIds: [jobId], starts: 1, route });
      expect(await routes.route(route.id)).toMatchObject({
        state: "syncing",
        running: { runId: run.runId, workerId: "w1", jobId, startedAt: run.startedAt },
      });
      time += 50;
      expect(await finish(run)).toBe(true);
      const status = await routes.route(route.id);
      expect(status).toMatchObject({
        state: "ok",
        synced: requested,
        requested,
        lastSuccessAt: time,
        running: undefined,
        firstUnsyncedAt: undefined,
      });
      expect(await idle(route)).toEqual({ type: "idle" });
      expect(await routes.job(jobId)).toMatchObject({
        state: "completed",
        attempt: 1,
        report: { runId: run.runId },
      });
    });

    test("a hint during a run leaves the route dirty and has a job of its own", async () => {
      const route = await stored();
      const first = await hint(route);
      const run = await start(route);
      time += 5;
      const second = await hint(route);
      time += 5;
      const third = await hint(route);
      expect(second.jobId).not.toBe(first.jobId);
      expect(third.jobId).toBe(second.jobId);
      await finish(run);
      expect(await routes.route(route.id)).toMatchObject({
        synced: first.requested,
        requested: third.requested,
        firstUnsyncedAt: second.requestedAt,
      });
      const again = await start(route);
      expect(again.jobIds).toEqual([second.jobId]);
      expect(again.startedAt).toBeGreaterThan(third.requestedAt);
    });

    test("a hint in the same millisecond as a start is after it", async () => {
      const route = await stored();
      await hint(route);
      const run = await start(route);
      expect((await hint(route)).requestedAt).toBeGreaterThanOrEqual(run.startedAt);
    });

    test("two runs of one target: the longest waiting route first, none twice", async () => {
      const first = await stored();
      const second = await stored({ targetKey: first.targetKey });
      await hint(second);
      time += 1;
      await hint(first);
      expect((await start(first)).route.id).toBe(second.id);
      expect((await start(first, { skip: [second.id] })).route.id).toBe(first.id);
      expect(await idle(first, [first.id, second.id])).toEqual({ type: "idle" });
    });

    test("a paused route is not started and keeps its hints", async () => {
      const route = await stored();
      expect(await routes.setPaused(route.id, true)).toBe(true);
      expect(await hint(route)).toMatchObject({ paused: true });
      expect(await routes.route(route.id)).toMatchObject({ state: "paused" });
      expect(await idle(route)).toEqual({ type: "idle" });
      await routes.setPaused(route.id, false);
      expect((await start(route)).hints).toHaveLength(1);
      expect(await routes.setPaused("nobody/there", true)).toBe(false);
    });

    test("a failure counts, is shown, and the next success clears it", async () => {
      const route = await stored();
      const error = { code: "AUTH_DENIED", message: "no", remedy: "a token" };
      await hint(route);
      await finish(
        await start(route),
        { condition: "failing", failures: "count", jobState: "failed" },
        { outcome: "permanent", error },
      );
      expect(await routes.route(route.id)).toMatchObject({
        state: "failing",
        failuresInARow: 1,
        lastError: error,
      });
      await hint(route);
      await finish(await start(route));
      expect(await routes.route(route.id)).toMatchObject({
        state: "ok",
        failuresInARow: 0,
        lastError: undefined,
      });
    });

    test("a waiting time holds until it is over or a hint comes", async () => {
      const route = await stored();
      await hint(route);
      await finish(await start(route), { failures: "count", jobState: "failed", waitMs: 60_000 });
      expect(await routes.route(route.id)).toMatchObject({ notBefore: time + 60_000 });
      expect(await idle(route)).toEqual({ type: "idle" });
      time += 60_001;
      await finish(await start(route), { failures: "count", jobState: "failed", waitMs: 60_000 });
      await hint(route);
      await start(route);
    });

    test("a hint during the run that failed is not made to wait", async () => {
      const route = await stored();
      await hint(route);
      const run = await start(route);
      await hint(route);
      await finish(run, { failures: "count", jobState: "failed", waitMs: 60_000 });
      await start(route);
    });

    test("a host's waiting time outlives hints", async () => {
      const route = await stored();
      await hint(route);
      await finish(await start(route), {
        failures: "keep",
        jobState: "delayed",
        hosts: { blocked: { host: "target.test", ms: 5_000 } },
      });
      await hint(route);
      expect(await idle(route)).toEqual({ type: "idle", heldForMs: 5_000 });
      time += 5_000;
      await start(route);
    });

    test("starts without an end are counted; an end sets the count", async () => {
      const route = await stored();
      await hint(route);
      for (let n = 1; n <= 3; n++) expect((await start(route)).starts).toBe(n);
      const run = await start(route);
      expect(run.starts).toBe(4);
      await finish(run, { starts: 2, failures: "keep" });
      expect((await start(route)).starts).toBe(3);
    });

    test("a run that was taken over records nothing", async () => {
      const route = await stored();
      const { jobId, requested } = await hint(route);
      const lost = await start(route);
      const taken = await start(route, { workerId: "w2" });
      expect(taken.jobIds).toEqual([jobId]);
      expect(await finish(lost)).toBe(false);
      expect(await routes.route(route.id)).toMatchObject({
        state: "syncing",
        synced: undefined,
        requested,
        running: { runId: taken.runId },
      });
      expect(await finish(lost, { requestAgain: true })).toBe(false);
      expect((await routes.route(route.id))?.requested).not.toBe(requested);
      expect(await finish(taken)).toBe(true);
      expect(await routes.route(route.id)).toMatchObject({ synced: requested });
      await start(route);
    });

    test("progress is that of the run under way", async () => {
      const route = await stored();
      const { jobId } = await hint(route);
      const run = await start(route);
      const progress = { phase: "fetch", sourceBytes: 10, targetBytes: 5, bytesPerSecond: 3 } as const;
      await routes.progress(route.id, run.runId, progress);
      await routes.progress(route.id, newId(), { ...progress, sourceBytes: 99 });
      expect((await routes.route(route.id))?.running?.progress).toEqual(progress);
      expect((await routes.job(jobId))?.progress).toEqual(progress);
      await finish(run);
      expect((await routes.job(jobId))?.progress).toBeUndefined();
    });

    test(`keeps the last ${MAX_REPORTS} reports, the newest first, whatever text is in them`, async () => {
      const route = await stored();
      await hint(route);
      for (let n = 0; n < MAX_REPORTS + 3; n++) {
        await finish(await start(route), { failures: "keep" }, { attempt: n });
      }
      const reports = await routes.reports(route.id);
      expect(reports).toHaveLength(MAX_REPORTS);
      expect(reports[0]?.attempt).toBe(MAX_REPORTS + 2);
      const error = { code: "X", message: "nul \0, half \ud800, é, 漢", remedy: "" };
      await finish(await start(route), { failures: "count" }, { error });
      expect((await routes.reports(route.id, 1))[0]?.error).toEqual(error);
      expect((await routes.route(route.id))?.lastError).toEqual(error);
    });
  });

  describe("cancelling", () => {
    test("a waiting job is cancelled at once, has a report, and its route waits for a hint", async () => {
      const route = await stored();
      const { jobId, requestedAt } = await hint(route);
      expect(await routes.cancelJob(jobId)).toBe("cancelled");
      expect(await routes.job(jobId)).toMatchObject({
        state: "cancelled",
        report: { outcome: "cancelled", final: true, jobId },
      });
      expect((await routes.reports(route.id))[0]?.startedAt).toBeGreaterThan(requestedAt);
      expect(await idle(route)).toEqual({ type: "idle" });
      expect(await routes.cancelJob(jobId)).toBe("finished");
      expect(await routes.cancelJob(newId())).toBe("missing");
      const again = await hint(route);
      expect(again.jobId).not.toBe(jobId);
      expect((await start(route)).jobIds).toEqual([again.jobId]);
    });

    test("the run of a running job is named until it ends", async () => {
      const route = await stored();
      const { jobId } = await hint(route);
      const run = await start(route);
      expect(await routes.cancelledRuns([run.runId])).toEqual([]);
      expect(await routes.cancelJob(jobId)).toBe("stopping");
      expect(await routes.cancelledRuns([newId(), run.runId])).toEqual([run.runId]);
      await finish(run, { failures: "keep", jobState: "cancelled" });
      expect(await routes.cancelledRuns([run.runId])).toEqual([]);
      expect(await routes.job(jobId)).toMatchObject({ state: "cancelled" });
    });

    test("a cancellation survives the worker that was to obey it", async () => {
      const route = await stored();
      const { jobId } = await hint(route);
      await start(route);
      await routes.cancelJob(jobId);
      expect(await idle(route)).toEqual({ type: "idle" });
      expect(await routes.job(jobId)).toMatchObject({ state: "cancelled" });
    });
  });

  describe("lists", () => {
    test("jobs, the newest first, by state and route, page by page", async () => {
      const ids: string[] = [];
      const all = await Promise.all(Array.from({ length: 5 }, () => stored()));
      for (const route of all) ids.unshift((await hint(route)).jobId);
      const [newest] = all.slice(-1);
      if (newest === undefined) throw new Error("no route");
      await start(newest);
      const sorted = ids.toSorted().toReversed();
      expect((await routes.jobs()).jobs.map((job) => job.id)).toEqual(sorted);
      const page = await routes.jobs({ limit: 2 });
      const rest = await routes.jobs({
        limit: 50,
        ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
      });
      expect([...page.jobs, ...rest.jobs].map((job) => job.id)).toEqual(sorted);
      expect((await routes.jobs({ state: "active" })).jobs.map((job) => job.route)).toEqual([newest.id]);
      expect((await routes.jobs({ state: "waiting" })).jobs).toHaveLength(4);
      expect((await routes.jobs({ route: newest.id })).jobs).toHaveLength(1);
      expect((await routes.jobs({ route: newest.id, state: "waiting" })).jobs).toEqual([]);
    });

    test("routes in order of their ids, page by page", async () => {
      for (const id of ["b/x", "a/x", "c/x"]) await stored({ id });
      const page = await routes.routes({ limit: 2 });
      expect(page.routes.map((route) => route.definition.id)).toEqual(["a/x", "b/x"]);
      const rest = await routes.routes({
        limit: 2,
        ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
      });
      expect(rest.routes.map((route) => route.definition.id)).toEqual(["c/x"]);
      expect(rest.cursor).toBeUndefined();
    });
  });

  test("what a route is made of can change; what is known of it stays", async () => {
    const route = await stored();
    await hint(route);
    await finish(await start(route));
    const moved = { ...route, targetKey: targetKeyOf("https://elsewhere.test/x") };
    await routes.put(moved);
    expect(await routes.route(route.id)).toMatchObject({ definition: moved, state: "ok" });
    await hint(route);
    expect(await idle(route)).toEqual({ type: "idle" });
    await start(moved);
  });

  test("an ad-hoc route is forgotten when its time after the last hint is over", async () => {
    // The server's own clock ends it on Redis, so this one runs on real time.
    const real = await openRouteStore(backend.store);
    const route = someRoute({ keepMs: 150 });
    await real.put({ ...route, keepMs: ADHOC_KEEP_MS });
    await real.put(route);
    expect(await real.hint(route.id, { jobId: newId(), lane: LANE, trigger: "person" })).toBeDefined();
    await expect.poll(() => real.route(route.id), { timeout: 5_000 }).toBeUndefined();
    expect(await real.hint(route.id, { jobId: newId(), lane: LANE, trigger: "person" })).toBeUndefined();
    const next = await real.startRun(route.targetKey, {
      runId: newId(),
      workerId: "w",
      attempt: 1,
      skip: [],
    });
    expect(next).toEqual({ type: "idle" });
  });

  test("the clock is the store's", async () => {
    const real = await openRouteStore(backend.store);
    const now = await real.now();
    expect(Number.isInteger(now)).toBe(true);
    expect(Math.abs(now - Date.now())).toBeLessThan(5_000);
  });

  test("concurrent hints and starts: one run at a time, every hint answered", async () => {
    const route = await stored();
    const receipts = await Promise.all(Array.from({ length: 50 }, () => hint(route)));
    expect(new Set(receipts.map((receipt) => receipt.jobId)).size).toBe(1);
    expect(receipts.filter((receipt) => !receipt.coalesced)).toHaveLength(1);
    const run = await start(route);
    await Promise.all([finish(run), hint(route), hint(route)]);
    const status = await routes.route(route.id);
    expect(status?.synced).not.toBe(status?.requested);
  });
}
