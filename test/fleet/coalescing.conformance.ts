/** One run of a target at a time, and exactly one more for whatever was hinted meanwhile. */

import type { EnqueuedSync } from "@gitsync/producer";
import { describe, expect, test } from "vitest";
import { eventually } from "./support/eventually.ts";
import { startFleet } from "./support/fleet.ts";
import { clientAt, createGate, scriptedClient } from "./support/scripted-client.ts";
import { storeWith } from "./support/store-with.ts";
import type { SuiteStore } from "./support/suite-store.ts";

/** Define the tests on a store of their suite. */
export function describeCoalescing(on: SuiteStore): void {
  describe("coalescing and exclusion", () => {
    test("a burst while a run is under way becomes exactly one more run", async () => {
      await using fleet = await startFleet(on.backend);
      const gate = createGate();
      const client = clientAt(gate);
      const route = await fleet.route();
      const first = await fleet.hint(route);
      await fleet.work({ client, concurrency: 8 });
      await eventually("the first run", () => client.runs.length === 1);
      const burst = await Promise.all(Array.from({ length: 20 }, () => fleet.hint(route)));
      expect(new Set(burst.map((hint) => hint.id)).size).toBe(1);
      expect(burst.every((hint) => hint.coalesced && hint.queued && hint.id !== first.id)).toBe(true);
      gate.open();
      for (const hint of burst) expect((await fleet.answer(hint)).jobId).toBe(hint.id);
      await fleet.drained();
      expect(client.runs).toHaveLength(2);
      expect(client.maxPerTarget).toBe(1);
      expect(await fleet.producer.route(route.id)).toMatchObject({
        state: "ok",
        synced: burst.at(-1) && expect.any(String),
      });
    });

    test("two routes of one target that are hinted while one runs both run, never together", async () => {
      await using fleet = await startFleet(on.backend);
      const gate = createGate();
      const client = clientAt(gate);
      const one = await fleet.route();
      const two = await fleet.route({ target: one.target, targetKey: one.targetKey });
      await fleet.hint(one);
      await fleet.work({ client, concurrency: 8 });
      await fleet.work({ client, concurrency: 8 });
      await eventually("the first run", () => client.runs.length === 1);
      const hints = [await fleet.hint(two), await fleet.hint(one)];
      gate.open();
      for (const hint of hints) await fleet.answer(hint);
      await fleet.drained();
      expect(client.runs.map((run) => run.source)).toEqual([one.source.url, two.source.url, one.source.url]);
      expect(client.maxPerTarget).toBe(1);
    });

    test("a hint between a job's last look and its end is answered all the same", async () => {
      await using fleet = await startFleet(on.backend);
      const route = await fleet.route();
      const { routes } = fleet.producer;
      let late: EnqueuedSync | undefined;
      const hinting = storeWith(routes, {
        startRun: async (...args) => {
          const next = await routes.startRun(...args);
          if (next.type === "idle") late ??= await fleet.hint(route);
          return next;
        },
      });
      const client = scriptedClient();
      await fleet.work({ client, routes: hinting });
      await fleet.answer(await fleet.hint(route));
      const hint = await eventually("the late hint", () => late);
      expect(await fleet.answer(hint)).toMatchObject({ outcome: "converged", jobId: hint.id });
      expect(client.runs).toHaveLength(2);
    });

    test("a delivery that comes twice and the push after it each lead to a look", async () => {
      await using fleet = await startFleet(on.backend);
      const client = scriptedClient();
      const route = await fleet.route();
      await fleet.work({ client });
      const deliver = (delivery: string) =>
        fleet.producer.enqueueRoute(route.id, { trigger: "webhook", delivery });
      for (const [n, delivery] of ["d-1", "d-1", "d-1", "d-2"].entries()) {
        const hint = await deliver(delivery);
        expect(hint).toMatchObject({ redelivered: n === 1 || n === 2, queued: true });
        expect(await fleet.answer(hint)).toMatchObject({ outcome: "converged", jobId: hint.id });
        await fleet.drained();
      }
      expect(client.runs).toHaveLength(4);
    });

    test("an ad-hoc request is one route however it is spelt", async () => {
      await using fleet = await startFleet(on.backend);
      const client = scriptedClient();
      await fleet.work({ client });
      const source = { url: "https://source.test/a.git" };
      const target = { url: "https://target.test/b.git" };
      const once = await fleet.producer.enqueueSync({ source, target, policy: { prune: true } });
      expect(await fleet.answer(once)).toMatchObject({ outcome: "converged", route: once.route, attempt: 1 });
      expect(await fleet.producer.job(once.id)).toMatchObject({
        state: "completed",
        route: once.route,
        target: "target.test/b",
      });
      const twice = await fleet.producer.enqueueSync({ policy: { prune: true }, target, source, scope: {} });
      expect(twice.route).toBe(once.route);
      expect(twice.id).not.toBe(once.id);
      await fleet.answer(twice);
    });
  });
}
