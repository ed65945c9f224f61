/** That nothing fails silently; run on each store. */

import { createHttpClient, SyncError, type HttpClient } from "@gitsync/engine";
import { createSilentLogger, NO_METRICS, parseConfig, Secret, type FleetConfig } from "@gitsync/runtime";
import { Lanes, openFleetStore, openRouteStore, type RouteStore } from "@gitsync/producer";
import { Notifier, Sweeper } from "@gitsync/worker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BackendKind } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { startFleet } from "./support/fleet.ts";
import { notifiedPerson } from "./support/notified.ts";
import { convergedResult } from "./support/routes.ts";
import { scriptedClient } from "./support/scripted-client.ts";
import { storeOfSuite } from "./support/suite-store.ts";

const HOUR = 60 * 60_000;
const DAY = 24 * HOUR;
const KEY = "the key of the endpoint";

function configOf(url: string): FleetConfig {
  return parseConfig(
    `version: 1
notify: { webhook: { url: "${url}/hook", secret: { env: NOTIFY_KEY } }, digest: daily, heartbeat: "${url}/alive" }
mirrors:
  - id: docs
    source: { url: "https://source.test/docs.git" }
    targets: [{ id: backup, url: "https://target.test/docs.git" }]
`,
    "mirrors.yaml",
  );
}

/** Define the suite for one kind of store. */
export function describeNotifications(kind: BackendKind): void {
  const suite = storeOfSuite(kind);
  let http: HttpClient;
  beforeAll(() => {
    http = createHttpClient({ egress: { addresses: "any" } });
  });
  afterAll(() => http.close());

  describe("a route that fails", () => {
    test("for a week is tried each day, told of once and in each digest, and told of when it is fine again", async () => {
      await using person = await notifiedPerson(KEY);
      await using fleet = await startFleet(suite.backend);
      const config = configOf(person.url);
      let time = Date.now();
      const clock = { clock: () => time };
      const { store } = suite.backend;
      const routes = await openRouteStore(store, clock);
      const processes = await openFleetStore(store, clock);
      const logger = createSilentLogger();
      let isFixed = false;
      const client = scriptedClient(() => {
        if (!isFixed) throw new SyncError("AUTH_DENIED", "Cannot list refs: 403", { side: "source" });
        return convergedResult();
      });
      await fleet.work({ client, routes, fleet: processes, config: () => config });
      const lanes = new Lanes(store);
      const sweeper = new Sweeper({
        way: { store, routes, lanes, logger },
        fleet: processes,
        holder: "test",
        config: () => config,
        logger,
      });
      const outside = { http, readSecret: () => Promise.resolve(new Secret(KEY)) };
      const notifier = new Notifier({
        routes,
        fleet: processes,
        config: () => config,
        logger,
        metrics: NO_METRICS,
        outside,
      });
      await eventually(
        "the first failure",
        async () => (await routes.route("docs/backup"))?.state === "failing",
      );
      await fleet.drained();
      const days: number[] = [];
      for (let hour = 1; hour <= 7 * 24; hour += 3) {
        time += 3 * HOUR;
        await sweeper.turn();
        await fleet.drained();
        await notifier.turn();
        if (days.length < client.runs.length - 1) days.push(hour);
      }
      expect(days.length).toBeGreaterThanOrEqual(6);
      const types = person.told.map(({ type }) => type);
      expect(types.filter((type) => type === "route.failing")).toHaveLength(1);
      // Once in 24 hours, not at each of the 56 turns.
      expect(types.filter((type) => type === "fleet.digest")).toHaveLength(7);
      expect(person.told.find(({ type }) => type === "fleet.digest")?.data).toMatchObject({
        total: 1,
        routes: [{ route: "docs/backup", state: "failing", error: { code: "AUTH_DENIED" } }],
      });
      expect(person.heartbeats).toBe(56);

      isFixed = true;
      const before = client.runs.length;
      time += 2 * DAY;
      await sweeper.turn();
      await eventually("success", async () => (await routes.route("docs/backup"))?.state === "ok");
      expect(client.runs).toHaveLength(before + 1);
      await notifier.turn();
      expect(person.told.at(-1)).toMatchObject({
        type: "route.ok",
        data: { route: "docs/backup", before: "failing", failuresInARow: 0 },
      });
      await lanes.close();
    });
  });

  test("a digest that was refused is told at the next turn, not a day later", async () => {
    await using person = await notifiedPerson(KEY);
    await using fleet = await startFleet(suite.backend);
    const { routes } = fleet.producer;
    let time = Date.now();
    const config = configOf(person.url);
    const notifier = new Notifier({
      routes,
      fleet: await openFleetStore(suite.backend.store, { clock: () => time }),
      config: () => config,
      logger: createSilentLogger(),
      metrics: NO_METRICS,
      outside: { http, readSecret: () => Promise.resolve(new Secret(KEY)) },
    });
    const digests = () => person.told.filter(({ type }) => type === "fleet.digest").length;
    const route = await fleet.route();
    await fail(routes, route.id, await fleet.hint(route));
    await notifier.turn();
    expect(digests()).toBe(1);
    time += DAY;
    person.answer(503);
    await notifier.turn();
    person.answer(204);
    await notifier.turn();
    expect(digests()).toBe(2);
    await notifier.turn();
    expect(digests()).toBe(2);
  });

  test("a sign of life is given about once a minute, by whoever looks", async () => {
    await using person = await notifiedPerson(KEY);
    await using fleet = await startFleet(suite.backend);
    let time = Date.now();
    const config = configOf(person.url);
    const notifiers = await Promise.all(
      [1, 2].map(
        async () =>
          new Notifier({
            routes: fleet.producer.routes,
            fleet: await openFleetStore(suite.backend.store, { clock: () => time }),
            config: () => config,
            logger: createSilentLogger(),
            metrics: NO_METRICS,
            outside: { http, readSecret: () => Promise.resolve(new Secret(KEY)) },
          }),
      ),
    );
    for (let turn = 0; turn < 8; turn += 1) {
      for (const notifier of notifiers) await notifier.turn();
      time += 15_000;
    }
    expect(person.heartbeats).toBe(2);
  });

  test("what could not be told is told later, and never twice", async () => {
    await using person = await notifiedPerson(KEY);
    await using fleet = await startFleet(suite.backend);
    const { routes } = fleet.producer;
    const notifier = await notifierOf(person.url, routes);
    const route = await fleet.route();
    await fail(routes, route.id, await fleet.hint(route));
    person.answer(503);
    await notifier.turn();
    expect(await routes.stateChanges(10)).toMatchObject([{ before: "ok", after: "failing" }]);
    person.answer(204);
    await notifier.turn();
    await notifier.turn();
    expect(person.told.filter(({ type }) => type === "route.failing")).toHaveLength(1);
    expect(await routes.stateChanges(10)).toEqual([]);
    // Who took it and could not say so knows it again by its id.
    expect(person.ids).toHaveLength(3);
    expect(new Set(person.ids).size).toBe(2);
  });

  test("an endpoint that takes nothing does not silence the sign of life", async () => {
    await using person = await notifiedPerson(KEY);
    await using fleet = await startFleet(suite.backend);
    const route = await fleet.route();
    await fail(fleet.producer.routes, route.id, await fleet.hint(route));
    person.answer(503);
    await (await notifierOf(person.url, fleet.producer.routes)).turn();
    expect(person.heartbeats).toBe(1);
  });

  test("a notification that is refused for what it says does not hold back the others", async () => {
    await using person = await notifiedPerson(KEY);
    await using fleet = await startFleet(suite.backend);
    const { routes } = fleet.producer;
    for (const id of ["a/refused", "b/taken"]) {
      const route = await fleet.route({ id });
      await fail(routes, id, await fleet.hint(route));
    }
    person.answer((body) =>
      body.includes('"type":"route.failing"') && body.includes("a/refused") ? 422 : 204,
    );
    const notifier = await notifierOf(person.url, routes);
    await notifier.turn();
    expect(person.told.map(({ type, data }) => `${type} ${String(data["route"] ?? data["total"])}`)).toEqual([
      "route.failing b/taken",
      "fleet.digest 2",
    ]);
    expect(await routes.stateChanges(10)).toMatchObject([{ status: { definition: { id: "a/refused" } } }]);
  });

  async function notifierOf(url: string, routes: RouteStore): Promise<Notifier> {
    const config = configOf(url);
    return new Notifier({
      routes,
      fleet: await openFleetStore(suite.backend.store),
      config: () => config,
      logger: createSilentLogger(),
      metrics: NO_METRICS,
      outside: { http, readSecret: () => Promise.resolve(new Secret(KEY)) },
    });
  }
}

/** End the run of a route as a failure. */
async function fail(
  routes: RouteStore,
  route: string,
  hint: { readonly id: string; readonly target: Parameters<RouteStore["startRun"]>[0] },
): Promise<void> {
  const runId = `run-${hint.id}`;
  const run = await routes.startRun(hint.target, { runId, workerId: "w", attempt: 1, skip: [] });
  if (run.type !== "run") throw new Error("nothing to run");
  await routes.finishRun(
    {
      runId,
      jobId: hint.id,
      route,
      attempt: 1,
      startedAt: run.startedAt,
      finishedAt: run.startedAt,
      outcome: "permanent",
      final: true,
    },
    { condition: "failing", failures: "count", jobState: "failed" },
  );
}
