/** What every route store must know of routes, hints and jobs; run against each of them on a real server. */

import { ADHOC_KEEP_MS, targetKeyOf } from "@gitsync/jobs";
import { newId, openRouteStore } from "@gitsync/producer";
import { describe, expect, test } from "vitest";
import type { BackendKind } from "./support/backends.ts";
import { someRoute } from "./support/routes.ts";
import { storedRoutes } from "./support/stored-routes.ts";
import { LANE, stateOfSuite } from "./support/suite-store.ts";

/** Define the suite for one kind of store. */
export function describeRouteStore(kind: BackendKind): void {
  const on = stateOfSuite(kind);
  const { stored, hint, idle } = storedRoutes(on);

  describe("hints", () => {
    test("a hint makes a route dirty and opens one job; the next ones join it", async () => {
      const route = await stored();
      expect(await on.routes.route(route.id)).toMatchObject({
        state: "never-synced",
        requested: undefined,
        failuresInARow: 0,
      });
      const first = await hint(route);
      on.time += 10;
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
        requestedAt: on.time,
      });
      expect(second.requested).not.toBe(first.requested);
      expect(await on.routes.route(route.id)).toMatchObject({
        requested: second.requested,
        requestedAt: on.time,
        firstUnsyncedAt: on.time - 10,
      });
      expect(await on.routes.lanes()).toEqual([LANE]);
    });

    test("a hint of an unknown route says so", async () => {
      expect(
        await on.routes.hint("nobody/there", { jobId: newId(), lane: LANE, trigger: "person" }),
      ).toBeUndefined();
    });

    test("keeps the newest 32 hints with their traces until a run takes them", async () => {
      const route = await stored();
      for (let n = 0; n < 40; n++) await hint(route, `00-${String(n).padStart(32, "0")}-00f067aa0ba902b7-01`);
      const run = await on.start(route);
      expect(run.hints).toHaveLength(32);
      expect(run.hints[0]).toMatchObject({
        trigger: "webhook",
        traceparent: `00-${"8".padStart(32, "0")}-00f067aa0ba902b7-01`,
      });
      expect(run.hints.at(-1)?.traceparent).toContain("39-");
      await on.finish(run);
      await hint(route);
      expect((await on.start(route)).hints).toEqual([{ at: expect.any(Number), trigger: "webhook" }]);
    });

    test("counts the waiting jobs of a tenant", async () => {
      const [a, b] = [await stored(), await stored()];
      await hint(a);
      expect((await hint(b)).tenantPending).toBe(2);
      await on.start(a);
      expect((await hint(b)).tenantPending).toBe(1);
    });
  });

  describe("lists", () => {
    test("jobs, the newest first, by state and route, page by page", async () => {
      const ids: string[] = [];
      const all = await Promise.all(Array.from({ length: 5 }, () => stored()));
      for (const route of all) ids.unshift((await hint(route)).jobId);
      const [newest] = all.slice(-1);
      if (newest === undefined) throw new Error("no route");
      await on.start(newest);
      const sorted = ids.toSorted().toReversed();
      expect((await on.routes.jobs()).jobs.map((job) => job.id)).toEqual(sorted);
      const page = await on.routes.jobs({ limit: 2 });
      const rest = await on.routes.jobs({
        limit: 50,
        ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
      });
      expect([...page.jobs, ...rest.jobs].map((job) => job.id)).toEqual(sorted);
      expect((await on.routes.jobs({ state: "active" })).jobs.map((job) => job.route)).toEqual([newest.id]);
      expect((await on.routes.jobs({ state: "waiting" })).jobs).toHaveLength(4);
      expect((await on.routes.jobs({ routes: [newest.id] })).jobs).toHaveLength(1);
      expect((await on.routes.jobs({ routes: [newest.id], state: "waiting" })).jobs).toEqual([]);
      expect((await on.routes.jobs({ routes: [] })).jobs).toEqual([]);
      const some = all.slice(1).map(({ id }) => id);
      const first = await on.routes.jobs({ routes: some, limit: 3 });
      const second = await on.routes.jobs({ routes: some, limit: 3, cursor: first.cursor ?? "" });
      const ofSome = [...first.jobs, ...second.jobs];
      expect(new Set(ofSome.map((job) => job.route))).toEqual(new Set(some));
      expect(ofSome.map((job) => job.id)).toEqual(sorted.filter((id) => ofSome.some((job) => job.id === id)));
    });

    test("routes in order of their ids, page by page", async () => {
      for (const id of ["b/x", "a/x", "c/x"]) await stored({ id });
      const page = await on.routes.routes({ limit: 2 });
      expect(page.routes.map((route) => route.definition.id)).toEqual(["a/x", "b/x"]);
      const rest = await on.routes.routes({
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
    await on.finish(await on.start(route));
    const moved = { ...route, targetKey: targetKeyOf("https://elsewhere.test/x") };
    await on.routes.put(moved);
    expect(await on.routes.route(route.id)).toMatchObject({ definition: moved, state: "ok" });
    await hint(route);
    expect(await idle(route)).toEqual({ type: "idle" });
    await on.start(moved);
  });

  test("an ad-hoc route is forgotten when its time after the last hint is over", async () => {
    // The server's own clock ends it on Redis, so this one runs on real time.
    const real = await openRouteStore(on.backend.store);
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
    const real = await openRouteStore(on.backend.store);
    const now = await real.now();
    expect(Number.isInteger(now)).toBe(true);
    expect(Math.abs(now - Date.now())).toBeLessThan(5_000);
  });
}
