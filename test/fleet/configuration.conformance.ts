/** What every store must know of what is configured, and of deliveries. */

import type { RouteDefinition } from "@gitsync/jobs";
import { definitionDigest, newId } from "@gitsync/producer";
import { describe, expect, test } from "vitest";
import type { BackendKind } from "./support/backends.ts";
import { configuredRoutes, DAY, EVERY, MINUTE } from "./support/configured-routes.ts";
import { someRoute } from "./support/routes.ts";
import { stateOfSuite } from "./support/suite-store.ts";

/** Define the suite for one kind of store. */
export function describeConfiguration(kind: BackendKind): void {
  const on = stateOfSuite(kind);
  const { configured, hint, wakingIds } = configuredRoutes(on);

  describe("the configuration", () => {
    test("configured routes are known by their digests, others are not named", async () => {
      const route = await configured();
      await on.routes.put(someRoute());
      expect(await on.routes.configured()).toEqual(new Map([[route.id, definitionDigest(route)]]));
    });

    test("a change is looked at now and clears the waiting time and the quarantine; the same again changes nothing", async () => {
      const route = await configured();
      await hint(route);
      const ref = { targetRef: "refs/heads/x", sourceHash: "1", code: "hook-declined", reason: "no" };
      await on.finish(await on.start(route), {
        nextDueAt: on.time + EVERY,
        waitMs: DAY,
        quarantine: [{ ...ref, since: on.time, until: on.time + DAY }],
      });
      await on.routes.put(route);
      expect(await on.routes.route(route.id)).toMatchObject({
        nextDueAt: on.time + EVERY,
        notBefore: on.time + DAY,
        quarantine: [ref],
      });
      on.time += 1;
      await on.routes.put({ ...route, scope: { includeRefs: ["refs/heads/*"] } });
      expect(await on.routes.route(route.id)).toMatchObject({
        nextDueAt: on.time,
        notBefore: undefined,
        quarantine: [],
        state: "ok",
      });
      expect(await wakingIds()).toEqual([route.id]);
    });

    test("many routes are stored at once, whatever their order", async () => {
      const many = Array.from({ length: 300 }, () => someRoute({ every: "auto" }));
      await Promise.all([on.routes.putAll(many), on.routes.putAll(many.toReversed())]);
      expect((await on.routes.configured()).size).toBe(300);
      expect(await wakingIds(1_000)).toHaveLength(300);
    });

    test("a route that another process configured is left to one that knows it", async () => {
      const route = await configured();
      await hint(route);
      const asked = { runId: newId(), workerId: "old", attempt: 1, skip: [] };
      expect(await on.routes.startRun(route.targetKey, asked)).toEqual({ type: "idle", foreign: true });
      await on.start(route);
    });

    test("a retired route is gone with its jobs; when it comes back, what was known of it is there", async () => {
      const route = await configured();
      await hint(route);
      await on.finish(await on.start(route));
      await on.routes.setPaused(route.id, true);
      const waiting = await hint(route);
      await on.routes.retire([route.id, "nobody/there"]);
      expect(await on.routes.route(route.id)).toBeUndefined();
      expect((await on.routes.routes()).routes).toEqual([]);
      expect((await on.routes.configured()).size).toBe(0);
      expect(await on.routes.setPaused(route.id, false)).toBe(false);
      expect(await hint(route)).toBeUndefined();
      expect(await on.routes.job(waiting?.jobId ?? "")).toMatchObject({
        state: "cancelled",
        report: { error: { code: "ROUTE_NOT_FOUND" } },
      });
      on.time += DAY;
      expect(await wakingIds()).toEqual([]);
      await on.routes.put(route);
      expect(await on.routes.route(route.id)).toMatchObject({
        paused: true,
        lastSuccessAt: expect.any(Number),
      });
      expect(await on.routes.reports(route.id)).toHaveLength(2);
      await on.routes.setPaused(route.id, false);
      on.time += MINUTE;
      expect(await wakingIds()).toEqual([route.id]);
    });
  });

  test("a delivery that comes again is noticed for a day, and hints all the same", async () => {
    const [route, other] = [await configured(), await configured()];
    const deliver = (to: RouteDefinition) => hint(to, { trigger: "webhook", delivery: "d-1" });
    expect(await deliver(route)).toMatchObject({ redelivered: false });
    expect(await deliver(other)).toMatchObject({ redelivered: false });
    const before = (await on.routes.route(route.id))?.requested;
    expect(await deliver(route)).toMatchObject({ redelivered: true });
    expect((await on.routes.route(route.id))?.requested).not.toBe(before);
    expect(await hint(route)).toMatchObject({ redelivered: false });
  });
}
