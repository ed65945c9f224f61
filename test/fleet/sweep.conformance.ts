/** What the sweep does for the fleet; run on each store. */

import { SyncError } from "@gitsync/engine";
import type { RouteStatus, TargetKey } from "@gitsync/jobs";
import { parseConfig, createSilentLogger, type FleetConfig } from "@gitsync/runtime";
import {
  Lanes,
  newId,
  openFleetStore,
  openRouteStore,
  type FleetStore,
  type RouteStore,
} from "@gitsync/producer";
import { Sweeper, type SweeperOptions } from "@gitsync/worker";
import { describe, expect, test } from "vitest";
import type { BackendKind } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { startFleet } from "./support/fleet.ts";
import { convergedResult } from "./support/routes.ts";
import { scriptedClient } from "./support/scripted-client.ts";
import { storeOfSuite } from "./support/suite-store.ts";

const MINUTE = 60_000;

const MIRRORS_OF_ONE_HOST = `mirrors:
  - { id: a, source: { url: "https://one.test/a.git" }, targets: [{ id: t, url: "https://target.test/a.git" }] }
  - { id: b, source: { url: "https://two.test/b.git" }, targets: [{ id: t, url: "https://target.test/b.git" }] }
`;

/** Run whatever is to be run for a target; it ends well, and the route is due in a day. */
async function runOnce(routes: RouteStore, target: TargetKey, now: number): Promise<void> {
  const runId = newId();
  const known = ["a/t", "b/t"];
  const run = await routes.startRun(target, { runId, workerId: "a", attempt: 1, skip: [], known });
  if (run.type !== "run") throw new Error("nothing to run");
  const { startedAt, requested: synced, jobIds } = run;
  await routes.finishRun(
    {
      runId,
      jobId: jobIds[0] ?? "",
      route: run.route.id,
      attempt: 1,
      startedAt,
      finishedAt: now,
      outcome: "converged",
      final: true,
      result: convergedResult(),
    },
    { synced, condition: "ok", failures: "reset", jobState: "completed", nextDueAt: now + 24 * 60 * MINUTE },
  );
}

/** A configuration of mirrors `m0`, `m1`, … to one host. */
function mirrors(count: number, rules = ""): FleetConfig {
  const entries = Array.from(
    { length: count },
    (_, n) =>
      `  - { id: m${n}, ${rules} source: { url: "https://source.test/m${n}.git" }, targets: [{ id: t, url: "https://target.test/m${n}.git" }] }\n`,
  );
  return parseConfig(
    `version: 1\nmirrors:${count === 0 ? " []\n" : `\n${entries.join("")}`}`,
    "mirrors.yaml",
  );
}

/** Define the suite for one kind of store. */
export function describeSweep(kind: BackendKind): void {
  const suite = storeOfSuite(kind);

  interface Bench {
    readonly routes: RouteStore;
    readonly fleet: FleetStore;
    readonly lanes: Lanes;
    /** A process of its own, with a clock that the test moves. */
    sweeper(holder: string, config: () => FleetConfig, rotation?: SweeperOptions["rotation"]): Sweeper;
  }

  async function bench(clock: () => number): Promise<Bench & AsyncDisposable> {
    await suite.backend.reset();
    const { store } = suite.backend;
    const routes = await openRouteStore(store, { clock });
    const fleet = await openFleetStore(store, { clock });
    const lanes = new Lanes(store);
    const logger = createSilentLogger();
    return {
      routes,
      fleet,
      lanes,
      sweeper: (holder, config, rotation) =>
        new Sweeper({
          way: { store, routes, lanes, logger },
          fleet,
          holder,
          config,
          logger,
          ...(rotation && { rotation }),
        }),
      [Symbol.asyncDispose]: () => lanes.close(),
    };
  }

  const idsOf = async (routes: RouteStore): Promise<readonly string[]> =>
    (await routes.routes({ limit: 200 })).routes.map(({ definition }) => definition.id);

  describe("the sweep", () => {
    test("stores what is configured, and fills an emptied store again", async () => {
      await using on = await bench(Date.now);
      const sweeper = on.sweeper("a", () => mirrors(3));
      await sweeper.turn();
      expect(await idsOf(on.routes)).toEqual(["m0/t", "m1/t", "m2/t"]);
      await suite.backend.reset();
      await sweeper.turn();
      expect(await idsOf(on.routes)).toEqual(["m0/t", "m1/t", "m2/t"]);
    });

    test("one worker at a time sweeps", async () => {
      await using on = await bench(Date.now);
      const [a, b] = [on.sweeper("a", () => mirrors(1)), on.sweeper("b", () => mirrors(2))];
      await a.turn();
      await b.turn();
      expect(await idsOf(on.routes)).toEqual(["m0/t"]);
      await a.close();
      await b.turn();
      expect(await idsOf(on.routes)).toEqual(["m0/t", "m1/t"]);
    });

    test("a secret that cannot be read for long holds up nobody", async () => {
      await using on = await bench(Date.now);
      let looks = 0;
      const rotation = { turn: () => ((looks += 1), new Promise<void>(() => {})) };
      const sweeper = on.sweeper("a", () => mirrors(1), rotation);
      await sweeper.turn();
      expect((await on.routes.jobCounts()).waiting).toBe(1);
      await sweeper.turn();
      expect(looks).toBe(1);
      await sweeper.close();
    });

    test("a route goes once every live process is configured without it", async () => {
      await using on = await bench(Date.now);
      const [both, one] = [mirrors(2), mirrors(1)];
      let config = both;
      const sweeper = on.sweeper("a", () => config);
      await on.fleet.beat({ id: "a", capacity: 1, configHash: both.hash });
      await on.fleet.beat({ id: "old", capacity: 1, configHash: both.hash });
      await on.fleet.beat({ id: "guest", capacity: 1, configHash: undefined });
      await sweeper.turn();
      config = one;
      await on.fleet.beat({ id: "a", capacity: 1, configHash: one.hash });
      await sweeper.turn();
      expect(await idsOf(on.routes)).toEqual(["m0/t", "m1/t"]);
      await on.fleet.beat({ id: "old", capacity: 1, configHash: one.hash });
      await sweeper.turn();
      expect(await idsOf(on.routes)).toEqual(["m0/t"]);
    });

    test("feeds twice the free capacity at a time, and says when there may be more", async () => {
      await using on = await bench(Date.now);
      const sweeper = on.sweeper("a", () => mirrors(20));
      await on.fleet.beat({ id: "a", capacity: 4, configHash: "x" });
      expect(await sweeper.turn()).toBe(true);
      expect((await on.routes.jobCounts()).waiting).toBe(8);
      expect(await sweeper.turn()).toBe(true);
      expect(await sweeper.turn()).toBe(false);
      expect((await on.routes.jobCounts()).waiting).toBe(20);
    });

    test("looks at every route once after the store ended without a warning, two a second at a host", async () => {
      let time = Date.now();
      await using on = await bench(() => time);
      const config = parseConfig(
        `version: 1\ndefaults: { every: 24h }\n${MIRRORS_OF_ONE_HOST}`,
        "mirrors.yaml",
      );
      const sweeper = on.sweeper("a", () => config);
      await on.fleet.beat({ id: "a", capacity: 4, configHash: "x" });
      const turn = async (): Promise<readonly string[]> => {
        await sweeper.turn();
        const { jobs } = await on.routes.jobs({ state: "waiting" });
        for (const { target } of jobs) await runOnce(on.routes, target, time);
        return jobs.map(({ trigger }) => trigger);
      };
      expect(await turn()).toEqual(["backfill", "backfill"]);
      expect(await turn()).toEqual([]);
      await suite.backend.crash();
      await on.fleet.beat({ id: "a", capacity: 4, configHash: "x" });
      // No schedule found them: whoever counts webhooks that said nothing does not count these.
      expect(await turn()).toEqual(["backfill"]);
      time += 499;
      expect(await turn()).toEqual([]);
      time += 1;
      expect(await turn()).toEqual(["backfill"]);
      time += 60 * MINUTE;
      expect(await turn()).toEqual([]);
    });

    test("finds a route that is dirty and has no job", async () => {
      let time = Date.now();
      await using on = await bench(() => time);
      await using fleet = await startFleet(suite.backend);
      const route = await fleet.route();
      await suite.backend.whileQueueIsBroken(async () => {
        expect(await fleet.hint(route)).toMatchObject({ queued: false });
      });
      const client = scriptedClient();
      await fleet.work({ client });
      const sweeper = on.sweeper("test", () => mirrors(0));
      time += 40_000;
      await eventually("the lease of the worker's own sweep runs out", async () => {
        await sweeper.turn();
        return client.runs.length > 0;
      });
      expect(client.runs).toHaveLength(1);
    });

    test("finds a route whose run nobody knows the end of, although the worker lives and its job is gone", async () => {
      let time = Date.now();
      await using on = await bench(() => time);
      const sweeper = on.sweeper("a", () => mirrors(1));
      const beat = () => on.fleet.beat({ id: "w", capacity: 4, configHash: "x" });
      await beat();
      await sweeper.turn();
      const [{ definition, ...found }] = (await on.routes.routes({ limit: 1 })).routes as [RouteStatus];
      expect(found.state).toBe("never-synced");
      const target = definition.targetKey;
      const start = { runId: "r", workerId: "w", attempt: 8, skip: [], known: [definition.id] };
      expect(await on.routes.startRun(target, start)).toMatchObject({ type: "run" });
      const [lane = ""] = await on.routes.lanes();
      const queue = suite.backend.store.createQueue(lane);
      const jobs = () => queue.getJobs(["prioritized", "waiting", "active", "delayed"]);
      const [job] = await jobs();
      time += 2 * MINUTE;
      await beat();
      await sweeper.turn();
      expect((await jobs()).map(({ id }) => id)).toEqual([job?.id]);
      expect((await on.routes.jobCounts()).waiting).toBe(0);
      await job?.remove();
      time += 2 * MINUTE;
      await beat();
      await sweeper.turn();
      expect(await jobs()).toHaveLength(1);
      await queue.close();
    });

    test("a route that gave up is tried again when its time has come", async () => {
      await using fleet = await startFleet(suite.backend);
      const client = scriptedClient(() => {
        if (client.runs.length === 1) throw new SyncError("NOT_FOUND", "Cannot list refs: 404");
        return scriptedClient().sync({ source: { url: "" }, target: { url: "" } });
      });
      const config = mirrors(1);
      await fleet.work({ client, config: () => config });
      await eventually("the failure", async () => (await fleet.producer.route("m0/t"))?.state === "failing");
      await fleet.drained();
      const day = Date.now() + 24 * 60 * MINUTE + MINUTE;
      const clock = { clock: () => day };
      const routes = await openRouteStore(suite.backend.store, clock);
      const waking = await routes.takeWaking(10);
      expect(waking.map(({ id }) => id)).toEqual(["m0/t"]);
    });

    test("a job that waited for ten minutes is raised to the band of webhooks", async () => {
      let time = Date.now();
      await using on = await bench(() => time);
      const sweeper = on.sweeper("a", () => mirrors(1));
      await sweeper.turn();
      const [lane = ""] = await on.routes.lanes();
      const queue = suite.backend.store.createQueue(lane);
      const priority = async () => (await queue.getJobs(["prioritized"]))[0]?.priority;
      expect(await priority()).toBe(400_001);
      time += 9 * MINUTE;
      await sweeper.turn();
      expect(await priority()).toBeGreaterThan(300_000);
      time += 2 * MINUTE;
      await sweeper.turn();
      expect(await priority()).toBe(200_000);
      await queue.close();
    });
  });

  describe("configured mirrors", () => {
    test("run by themselves, and again when they are due", async () => {
      await using fleet = await startFleet(suite.backend);
      const client = scriptedClient();
      const config = mirrors(3);
      await fleet.work({ client, config: () => config });
      await eventually("the first runs", () => client.runs.length === 3);
      await eventually("three routes that are fine", async () =>
        (await fleet.producer.routes.routes()).routes.every(({ state }) => state === "ok"),
      );
      for await (const { nextDueAt = 0 } of fleet.producer.allRoutes()) {
        expect(nextDueAt).toBeGreaterThan(Date.now() + 5 * MINUTE);
        expect(nextDueAt).toBeLessThan(Date.now() + 25 * MINUTE);
      }
      expect(new Set(client.runs.map(({ source }) => source)).size).toBe(3);
    });

    test("a job of a route that this worker's configuration lacks is put off for another worker", async () => {
      await using fleet = await startFleet(suite.backend);
      const client = scriptedClient();
      const processes = await openFleetStore(suite.backend.store);
      await processes.beat({ id: "young", capacity: 1, configHash: "that has it" });
      await fleet.work({ client, config: () => mirrors(0) });
      const route = await fleet.route({ every: 15 * MINUTE });
      const hint = await fleet.hint(route);
      await eventually("the job is put off", async () => {
        const [lane = ""] = await fleet.producer.routes.lanes();
        const queue = suite.backend.store.createQueue(lane);
        const [delayed] = await queue.getDelayed();
        await queue.close();
        return delayed;
      });
      expect(client.runs).toHaveLength(0);
      expect(await fleet.producer.job(hint.id)).toMatchObject({ state: "waiting" });
    });
  });
}
