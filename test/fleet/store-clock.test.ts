/** The store's clock is set back or forward by an hour while a fleet is at work. */

import { targetKeyOf, type RouteDefinition } from "@gitsync/jobs";
import { newId } from "@gitsync/producer";
import { expect, test } from "vitest";
import { describeWith } from "../support/requirements.ts";
import { BACKENDS, type BackendKind } from "./support/backends.ts";
import { someRoute } from "./support/routes.ts";
import { LANE, stateOfSuite } from "./support/suite-store.ts";

const HOUR = 3_600_000;
const LEASE = 40_000;

for (const kind of BACKENDS)
  describeWith([kind.needs], `the store's clock on ${kind.name}`, () => describeClock(kind));

function describeClock(kind: BackendKind): void {
  const on = stateOfSuite(kind);

  async function routeBetween(source: string, target: string): Promise<RouteDefinition> {
    const made = someRoute({ every: 900_000 });
    const url = `https://${target}/${made.id}.git`;
    const route = {
      ...made,
      source: { url: `https://${source}/x.git` },
      target: { url },
      targetKey: targetKeyOf(url),
    };
    await on.routes.put(route);
    await on.routes.hint(route.id, { jobId: newId(), lane: LANE, trigger: "webhook" });
    return route;
  }

  test("set back: the sweep goes on within a lease's time although its holder is gone", async () => {
    expect(await on.fleet.takeLease("sweep", "gone", LEASE)).toBe(true);
    on.time -= HOUR;
    expect(await on.fleet.takeLease("sweep", "other", LEASE)).toBe(true);
    expect(await on.fleet.takeLease("sweep", "third", LEASE)).toBe(false);
  });

  test("set back: a process that died is not taken to live, and holds no place of a host", async () => {
    const hostLimits = { "a.test": 1 };
    await on.fleet.beat({ id: "dead", capacity: 8, configHash: "1" });
    await on.start(await routeBetween("a.test", "b.test"), { workerId: "dead", hostLimits });
    on.time -= HOUR;
    await on.fleet.beat({ id: "alive", capacity: 8, configHash: "1" });
    expect((await on.fleet.processes()).map(({ id }) => id)).toEqual(["alive"]);
    expect((await on.fleet.hostsInFlight()).get("a.test")).toBeUndefined();
    await on.start(await routeBetween("a.test", "c.test"), { workerId: "alive", hostLimits });
  });

  test.for([-HOUR, HOUR])(
    "by %i ms: a run that is under way is recorded, and lag is never below 0",
    async (jump) => {
      const route = await routeBetween("a.test", "b.test");
      const run = await on.start(route);
      on.time += jump;
      expect(await on.finish(run)).toBe(true);
      const status = await on.routes.route(route.id);
      expect(status).toMatchObject({ state: "ok", failuresInARow: 0 });
      expect(status?.synced).toBe(status?.requested);
    },
  );

  test("set back: whoever asks is answered by a run that started after the request", async () => {
    const route = await routeBetween("a.test", "b.test");
    await on.finish(await on.start(route));
    on.time -= HOUR;
    const hint = await on.routes.hint(route.id, { jobId: newId(), lane: LANE, trigger: "person" });
    const run = await on.start(route);
    expect(run.startedAt).toBeGreaterThan(hint?.requestedAt ?? Infinity);
    expect(await on.finish(run)).toBe(true);
  });

  test("set back: a hint ends a back-off that seems an hour longer", async () => {
    const route = await routeBetween("a.test", "b.test");
    const run = await on.start(route);
    await on.finish(run, { condition: "failing", failures: "count", jobState: "failed", waitMs: 900_000 });
    on.time -= HOUR;
    await on.routes.hint(route.id, { jobId: newId(), lane: LANE, trigger: "webhook" });
    expect((await on.start(route)).route.id).toBe(route.id);
  });

  test("set forward: everything is due, and found a page at a time", async () => {
    const routes = [await routeBetween("a.test", "b.test"), await routeBetween("a.test", "c.test")];
    for (const route of routes) await on.finish(await on.start(route), { nextDueAt: on.time + 900_000 });
    expect(await on.routes.takeWaking(10)).toEqual([]);
    on.time += HOUR;
    expect(await on.routes.takeWaking(1)).toHaveLength(1);
    expect(await on.routes.takeWaking(1)).toHaveLength(1);
    expect(await on.fleet.takeLease("sweep", "w1", LEASE)).toBe(true);
  });
}
