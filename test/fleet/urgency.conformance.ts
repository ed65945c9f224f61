/** Who goes first: people before webhooks before the schedule, and no tenant behind all of another's jobs. */

import { targetKeyOf, type RouteDefinition } from "@gitsync/jobs";
import { describe, expect, test } from "vitest";
import { eventually } from "./support/eventually.ts";
import { startFleet } from "./support/fleet.ts";
import { convergedResult } from "./support/routes.ts";
import { createGate, scriptedClient } from "./support/scripted-client.ts";
import type { SuiteStore } from "./support/suite-store.ts";

/** Define the tests on a store of their suite. */
export function describeUrgency(on: SuiteStore): void {
  const idsOf = (routes: readonly RouteDefinition[]) => routes.map(({ target }) => target.url);

  describe("urgency", () => {
    test("people go first, then webhooks, then the schedule", async () => {
      await using fleet = await startFleet(on.backend);
      const routes = [await fleet.route(), await fleet.route(), await fleet.route()];
      const hints = [];
      for (const [n, trigger] of (["schedule", "webhook", "person"] as const).entries()) {
        const route = routes[n];
        if (route !== undefined) hints.push(await fleet.hint(route, trigger));
      }
      const client = scriptedClient();
      await fleet.work({ client, concurrency: 1 });
      for (const hint of hints) await fleet.answer(hint);
      expect(client.runs.map(({ target }) => target)).toEqual(idsOf(routes.toReversed()));
    });

    test("a job of the schedule that waits is raised by a webhook, and by a person", async () => {
      await using fleet = await startFleet(on.backend);
      const routes = [];
      for (let n = 0; n < 6; n += 1) routes.push(await fleet.route());
      const hints = [];
      for (const route of routes) hints.push(await fleet.hint(route, "schedule"));
      const [, , , fourth, fifth, sixth] = routes;
      if (!fourth || !fifth || !sixth) throw new Error("six routes");
      expect(await fleet.hint(fifth, "webhook")).toMatchObject({ coalesced: true });
      expect(await fleet.hint(sixth, "person")).toMatchObject({ coalesced: true });
      expect(await fleet.hint(fourth, "schedule")).toMatchObject({ coalesced: true });
      const client = scriptedClient();
      await fleet.work({ client, concurrency: 1 });
      for (const hint of hints) await fleet.answer(hint);
      expect(client.runs.map(({ target }) => target)).toEqual(idsOf([sixth, fifth, ...routes.slice(0, 4)]));
    });

    test("a tenant waits for no more of another's jobs than it has itself, however many those are", async () => {
      await using fleet = await startFleet(on.backend);
      const SLOTS = 2;
      const many = [];
      for (let n = 0; n < 30; n += 1) many.push(await fleet.route({ tenant: "large" }));
      const few = [];
      for (let n = 0; n < 5; n += 1) few.push(await fleet.route({ tenant: "small" }));
      const hints = [];
      for (const route of [...many, ...few]) hints.push(await fleet.hint(route));
      const client = scriptedClient();
      await fleet.work({ client, concurrency: SLOTS });
      for (const hint of hints) await fleet.answer(hint);
      const order = client.runs.map(({ target }) => target);
      // The n-th job of the small tenant starts among the first 2n, but for what had a slot already.
      const places = idsOf(few).map((url) => order.indexOf(url) + 1);
      for (const [n, place] of places.entries()) expect(place).toBeLessThanOrEqual(2 * (n + 1) + SLOTS);
    });

    test("a job that a full worker gave back is taken at once by another that has room", async () => {
      await using fleet = await startFleet(on.backend);
      const gate = createGate();
      const url = "https://elsewhere.test/repository.git";
      const long = await fleet.route({ target: { url }, targetKey: targetKeyOf(url) });
      let isHeld = false;
      const client = scriptedClient(async ({ target }, { signal }) => {
        if (isHeld && target.url === url) await gate.wait(signal);
        return convergedResult();
      });
      const opening = [await fleet.hint(await fleet.route()), await fleet.hint(long)];
      for (let n = 0; n < 2; n += 1) await fleet.work({ client, concurrency: 1 });
      for (const hint of opening) await fleet.answer(hint);
      isHeld = true;
      const runs = client.runs.length;
      await fleet.hint(long);
      await eventually("one worker is full", () => client.runs.length > runs);
      // A lane tells who has waited longest: the full worker at the second hint, if not at the first.
      for (let n = 0; n < 3; n += 1) await fleet.answer(await fleet.hint(await fleet.route()), 5_000);
      gate.open();
    });
  });
}
