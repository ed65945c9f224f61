/** What every store must know of routes that are due, or dirty for too long. */

import { describe, expect, test } from "vitest";
import type { BackendKind } from "./support/backends.ts";
import { configuredRoutes, DAY, EVERY, MINUTE } from "./support/configured-routes.ts";
import { someRoute } from "./support/routes.ts";
import { stateOfSuite } from "./support/suite-store.ts";

/** Define the suite for one kind of store. */
export function describeSchedule(kind: BackendKind): void {
  const on = stateOfSuite(kind);
  const { configured, hint, wakingIds } = configuredRoutes(on);

  describe("routes that wake", () => {
    test("a configured route is due at once, is named once a minute, and then when its run says", async () => {
      const route = await configured();
      expect(await on.routes.takeWaking(10)).toEqual([
        {
          id: route.id,
          target: route.targetKey,
          every: EVERY,
          dirty: false,
          lastChangeAt: undefined,
          everStarted: false,
          workerId: undefined,
          lookAgain: false,
        },
      ]);
      expect(await wakingIds()).toEqual([]);
      on.time += MINUTE;
      expect(await wakingIds()).toEqual([route.id]);
      await hint(route);
      await on.finish(await on.start(route), { nextDueAt: on.time + EVERY });
      expect(await on.routes.route(route.id)).toMatchObject({
        nextDueAt: on.time + EVERY,
        lastChangeAt: on.time,
      });
      on.time += EVERY - 1;
      expect(await wakingIds()).toEqual([]);
      on.time += 1;
      expect(await on.routes.takeWaking(10)).toMatchObject([
        { id: route.id, dirty: false, everStarted: true },
      ]);
    });

    test("a route that no configuration names is never due, but found when it stays dirty", async () => {
      const route = someRoute();
      await on.routes.put(route);
      on.time += DAY;
      expect(await wakingIds()).toEqual([]);
      await hint(route);
      on.time += 29_999;
      expect(await wakingIds()).toEqual([]);
      on.time += 1;
      expect(await on.routes.takeWaking(10)).toMatchObject([{ id: route.id, dirty: true, every: undefined }]);
      await on.finish(await on.start(route));
      on.time += DAY;
      expect(await wakingIds()).toEqual([]);
    });

    test("the longest waiting come first, as many as are wanted", async () => {
      const ids: string[] = [];
      for (let n = 0; n < 5; n += 1) {
        ids.push((await configured()).id);
        on.time += 1;
      }
      expect(await wakingIds(2)).toEqual(ids.slice(0, 2));
      expect(await wakingIds(2)).toEqual(ids.slice(2, 4));
      expect(await wakingIds(2)).toEqual(ids.slice(4));
    });

    test("a route that failed is not named before its time; the schedule does not shorten that, news do", async () => {
      const route = await configured();
      await hint(route);
      await on.finish(await on.start(route), { failures: "count", jobState: "failed", waitMs: DAY });
      on.time += DAY - 1;
      expect(await wakingIds()).toEqual([]);
      await hint(route);
      expect(await on.routes.route(route.id)).toMatchObject({ notBefore: on.time + 1 });
      await hint(route, { trigger: "webhook" });
      expect(await on.routes.route(route.id)).toMatchObject({ notBefore: undefined });
    });

    test("a paused route sleeps; resumed, it is found", async () => {
      const route = await configured();
      await on.routes.setPaused(route.id, true);
      on.time += DAY;
      expect(await wakingIds()).toEqual([]);
      await on.routes.setPaused(route.id, false);
      expect(await wakingIds()).toEqual([route.id]);
    });

    test("a route whose run is under way says who runs it", async () => {
      const route = await configured();
      await hint(route);
      await on.start(route);
      on.time += MINUTE;
      expect(await on.routes.takeWaking(10)).toMatchObject([{ id: route.id, dirty: true, workerId: "w1" }]);
    });

    test("the schedule's hint moves the due time; a cancelled job leaves its route alone until then", async () => {
      const route = await configured();
      const receipt = await hint(route, { nextDueAt: on.time + EVERY });
      expect(await on.routes.route(route.id)).toMatchObject({ nextDueAt: on.time + EVERY });
      await on.routes.cancelJob(receipt?.jobId ?? "");
      expect(await on.routes.route(route.id)).toMatchObject({ notBefore: on.time + EVERY });
      on.time += EVERY;
      expect(await wakingIds()).toEqual([route.id]);
    });

    test("a route that is to be looked at again is named from then on, until a run starts", async () => {
      const [route, adhoc, paused] = [await configured(), someRoute(), await configured()];
      await on.routes.put(adhoc);
      for (const each of [route, adhoc, paused]) {
        await hint(each);
        await on.finish(await on.start(each), each === adhoc ? {} : { nextDueAt: on.time + DAY });
      }
      await on.routes.setPaused(paused.id, true);
      const all = [route, adhoc, paused].map(({ id }) => id);
      await on.routes.lookAgain(all.map((id) => ({ route: id, at: on.time + MINUTE })));
      await on.routes.lookAgain(all.map((id) => ({ route: id, at: on.time + 2 * MINUTE })));
      await on.routes.lookAgain([{ route: "gone", at: on.time }]);
      on.time += MINUTE - 1;
      expect(await wakingIds()).toEqual([]);
      on.time += 1;
      const waking = await on.routes.takeWaking(10);
      expect(waking).toHaveLength(2);
      expect(waking).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ id: route.id, dirty: false, lookAgain: true }),
          expect.objectContaining({ id: adhoc.id, dirty: false, lookAgain: true }),
        ]),
      );
      for (const each of [route, adhoc]) {
        await hint(each);
        await on.finish(await on.start(each));
      }
      on.time += EVERY;
      expect(await wakingIds()).toEqual([]);
      await on.routes.setPaused(paused.id, false);
      expect(await wakingIds()).toEqual([paused.id]);
    });

    test("a run that changed the target is remembered, one that did not keeps the last change", async () => {
      const route = await configured();
      await hint(route);
      await on.finish(await on.start(route), { changed: true });
      const changedAt = on.time;
      on.time += MINUTE;
      await hint(route);
      const run = await on.start(route);
      expect(run.lastChangeAt).toBe(changedAt);
      await on.finish(run);
      expect(await on.routes.route(route.id)).toMatchObject({ lastChangeAt: changedAt });
    });
  });

  test("jobs that wait are found by their age, page by page, and counted", async () => {
    const all = [await configured(), await configured(), await configured()];
    const receipts = await Promise.all(all.map((route) => hint(route)));
    const ids = receipts.map((receipt) => receipt?.jobId ?? "").toSorted();
    expect(await on.routes.waitingJobs({ before: Date.now() - MINUTE, limit: 10 })).toEqual([]);
    const soon = { before: Date.now() + MINUTE, limit: 2 };
    const page = await on.routes.waitingJobs(soon);
    expect(page.map((job) => job.id)).toEqual(ids.slice(0, 2));
    const rest = await on.routes.waitingJobs({ ...soon, after: ids[1] ?? "" });
    expect(rest.map((job) => job.id)).toEqual(ids.slice(2));
    const [first] = all;
    if (first !== undefined) await on.start(first);
    expect(await on.routes.jobCounts()).toMatchObject({ waiting: 2, active: 1, completed: 0, failed: 0 });
  });
}
