/** A store that lost everything while the fleet worked: nobody has to do anything. */

import { parseConfig } from "@gitsync/runtime";
import { test } from "vitest";
import { describeWith } from "../support/requirements.ts";
import { BACKENDS } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { startFleet } from "./support/fleet.ts";
import { convergedResult } from "./support/routes.ts";
import { createGate, scriptedClient } from "./support/scripted-client.ts";

const MIRRORS = 40;

const CONFIG = parseConfig(
  `version: 1\nmirrors:\n${Array.from(
    { length: MIRRORS },
    (_, n) =>
      `  - { id: m${n}, source: { url: "https://source.test/m${n}.git" }, targets: [{ id: t, url: "https://target.test/m${n}.git" }] }\n`,
  ).join("")}`,
  "mirrors.yaml",
);

for (const kind of BACKENDS) {
  describeWith([kind.needs], `a store on ${kind.name} that is emptied during work`, () => {
    test("is filled again, and every route is looked at again, within a minute", async ({ expect }) => {
      await using backend = await kind.open();
      await using fleet = await startFleet(backend);
      const gate = createGate();
      let isOpen = false;
      const client = scriptedClient(async (_, { signal }) => {
        if (!isOpen && client.runs.length > MIRRORS / 2) await gate.wait(signal);
        return convergedResult();
      });
      for (const workerId of ["one", "two"]) await fleet.work({ client, workerId, config: () => CONFIG });
      await eventually("half of the first runs", () => client.runs.length > MIRRORS / 2 + 4);
      // PostgreSQL may choose the emptying as the victim of a deadlock.
      await eventually("the store is emptied", () =>
        backend.reset().then(
          () => true,
          () => false,
        ),
      );
      const emptied = performance.now();
      isOpen = true;
      gate.open();
      const states = async () => (await fleet.producer.routes.routes({ limit: 200 })).routes;
      await eventually(
        "all routes are back and fine",
        async () => {
          const routes = await states();
          return routes.length === MIRRORS && routes.every(({ state }) => state === "ok");
        },
        60_000,
      );
      const ms = performance.now() - emptied;
      process.stdout.write(
        `all routes were back ${(ms / 1_000).toFixed(1)} s after ${kind.name} was emptied\n`,
      );
      expect(ms).toBeLessThan(60_000);
      expect(client.maxPerTarget).toBe(1);
      expect(await fleet.faults()).toEqual([]);
    });
  });
}
