/** What `hosts:` of the configuration promises of a fleet with several workers. */

import { DEFAULT_FLEET_CONFIG, type FleetConfig, type HostLimits } from "@gitsync/runtime";
import { test } from "vitest";
import { describeWith } from "../support/requirements.ts";
import { BACKENDS } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { startFleet } from "./support/fleet.ts";
import { convergedResult } from "./support/routes.ts";
import { clientAt, createGate, scriptedClient } from "./support/scripted-client.ts";

const WORKERS = 4;

function limited(limits: Partial<HostLimits>): () => FleetConfig {
  const config = {
    ...DEFAULT_FLEET_CONFIG,
    hosts: new Map([["target.test", { maxConcurrent: undefined, pushesPerMinute: undefined, ...limits }]]),
  };
  return () => config;
}

for (const kind of BACKENDS) {
  describeWith([kind.needs], `four workers, on ${kind.name}`, () => {
    test("run as many syncs of a host at once as it allows, and no more", async ({ expect }) => {
      await using backend = await kind.open();
      await using fleet = await startFleet(backend);
      const gate = createGate();
      const client = clientAt(gate);
      const config = limited({ maxConcurrent: 3 });
      for (let n = 0; n < WORKERS; n += 1) await fleet.work({ client, config });
      const routes = await Promise.all(Array.from({ length: 12 }, () => fleet.route()));
      const hints = await Promise.all(routes.map((route) => fleet.hint(route)));
      await eventually("as many as it allows", () => client.maxAtOnce === 3);
      // Each of the others asked and was put off.
      const queue = backend.store.createQueue((await fleet.producer.routes.lanes())[0] ?? "");
      await eventually("the others wait", async () => (await queue.getActiveCount()) === 3);
      await queue.close();
      gate.open();
      await Promise.all(hints.map((hint) => fleet.answer(hint, 30_000)));
      expect(client.maxAtOnce).toBe(3);
    });

    test("count each push before it is made, and put off what would be one too many", async ({ expect }) => {
      await using backend = await kind.open();
      await using fleet = await startFleet(backend);
      const client = scriptedClient(async (_, { pace, signal = new AbortController().signal }) => {
        await pace?.ready(signal);
        await pace?.enter(signal);
        return convergedResult();
      });
      const config = limited({ pushesPerMinute: 2 });
      for (let n = 0; n < WORKERS; n += 1) await fleet.work({ client, config });
      const route = await fleet.route();
      for (let n = 0; n < 2; n += 1) await fleet.answer(await fleet.hint(route));
      await fleet.hint(route);
      const queue = backend.store.createQueue((await fleet.producer.routes.lanes())[0] ?? "");
      await eventually("the third is put off", async () => (await queue.getDelayedCount()) === 1);
      await queue.close();
      expect(client.runs).toHaveLength(2);
    });
  });
}
