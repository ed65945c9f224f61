/** What every store must hold of hosts: limits in both roles, blocks, hosts that are down, pushes to a target. */

import { targetKeyOf, type RouteDefinition, type RunReport } from "@gitsync/jobs";
import { newId, type HostFindings, type RunEnd, type RunStart } from "@gitsync/producer";
import { beforeEach, describe, expect, test } from "vitest";
import type { BackendKind } from "./support/backends.ts";
import { someRoute } from "./support/routes.ts";
import { stateOfSuite } from "./support/suite-store.ts";

const MINUTE = 60_000;
/** A minute, and a second for requests that take their time to arrive. */
const PUSH_WINDOW = 61_000;

interface Run {
  readonly runId: string;
  readonly route: RouteDefinition;
}

/** Define the suite for one kind of store. */
export function describeHosts(kind: BackendKind): void {
  const on = stateOfSuite(kind);
  beforeEach(async () => {
    for (const id of ["w1", "w2"]) await on.fleet.beat({ id, capacity: 8, configHash: undefined });
  });

  /** A dirty route between two hosts. */
  async function dirty(
    source: string,
    target: string,
    more: Partial<RouteDefinition> = {},
  ): Promise<RouteDefinition> {
    const { id, ...rest } = someRoute(more);
    const url = `https://${target}/${id}.git`;
    const route = {
      ...rest,
      id,
      source: { url: `https://${source}/${id}.git` },
      target: { url },
      targetKey: targetKeyOf(url),
    };
    await on.routes.put(route);
    await on.routes.hint(id, { jobId: newId(), lane: "sync", trigger: "webhook" });
    return route;
  }

  /** The run, or how long it has to wait. */
  async function tryStart(route: RouteDefinition, facts: Partial<RunStart> = {}): Promise<Run | number> {
    const runId = newId();
    const start = { runId, workerId: "w1", attempt: 1, skip: [], ...facts };
    const next = await on.routes.startRun(route.targetKey, start);
    return next.type === "run" ? { runId, route } : (next.heldForMs ?? -1);
  }

  async function start(route: RouteDefinition, facts: Partial<RunStart> = {}): Promise<Run> {
    const run = await tryStart(route, facts);
    if (typeof run === "number") throw new Error(`has to wait ${run} ms`);
    return run;
  }

  async function finish(
    { runId, route }: Run,
    hosts: HostFindings,
    end: Partial<RunEnd> = {},
  ): Promise<void> {
    const report: RunReport = {
      runId,
      jobId: "j",
      route: route.id,
      attempt: 1,
      startedAt: on.time,
      finishedAt: on.time,
      outcome: "transient",
      final: false,
    };
    await on.routes.finishRun(report, { failures: "keep", jobState: "waiting", hosts, ...end });
  }

  describe("a host's limit", () => {
    const limits = { hostLimits: { "a.test": 2 } };

    test("counts runs in both roles, of the whole fleet", async () => {
      const reads = await start(await dirty("a.test", "b.test"), limits);
      await start(await dirty("c.test", "a.test"), { ...limits, workerId: "w2" });
      const third = await dirty("a.test", "d.test");
      expect(await tryStart(third, limits)).toBe(1_000);
      expect(await on.fleet.hostsInFlight()).toEqual(
        new Map([
          ["a.test", 2],
          ["b.test", 1],
          ["c.test", 1],
        ]),
      );
      await start(await dirty("b.test", "d.test"), limits);
      await finish(reads, {});
      await start(third, limits);
    });

    test("is free again when the worker that used it is silent", async () => {
      for (const workerId of ["w1", "w2"])
        await start(await dirty("a.test", "b.test"), { ...limits, workerId });
      const third = await dirty("a.test", "c.test");
      on.time += 10_000;
      await on.fleet.beat({ id: "w1", capacity: 8, configHash: undefined });
      expect(await tryStart(third, limits)).toBe(1_000);
      on.time += 10_000;
      await on.fleet.beat({ id: "w1", capacity: 8, configHash: undefined });
      await start(third, limits);
    });

    test("counts a run that was taken over once", async () => {
      const route = await dirty("a.test", "b.test");
      for (let n = 0; n < 3; n += 1) await start(route, { hostLimits: { "a.test": 3 } });
      expect((await on.fleet.hostsInFlight()).get("a.test")).toBe(1);
    });

    test("holds when many ask at once", async () => {
      const all = await Promise.all(Array.from({ length: 12 }, () => dirty("a.test", "b.test")));
      const started = await Promise.all(all.map((route) => tryStart(route, limits)));
      expect(started.filter((run) => typeof run !== "number")).toHaveLength(2);
    });
  });

  describe("a host that asked to wait", () => {
    test("is left alone by everybody in both roles; the longest wait wins", async () => {
      const run = await start(await dirty("a.test", "b.test"));
      await finish(run, { blocked: { host: "a.test", ms: 5_000 } });
      const others = [await dirty("a.test", "c.test"), await dirty("c.test", "a.test")];
      for (const route of others) expect(await tryStart(route)).toBe(5_000);
      await start(await dirty("b.test", "c.test"));
      expect(await on.fleet.hostBlocks()).toEqual([
        { host: "a.test", until: on.time + 5_000, reason: "rate-limited" },
      ]);
      await finish(run, { blocked: { host: "a.test", ms: 1_000 } });
      expect(await tryStart(run.route)).toBe(5_000);
      await finish(run, { blocked: { host: "a.test", ms: 9_000 } });
      expect(await tryStart(run.route)).toBe(9_000);
      await finish(run, { answered: ["a.test"] });
      expect(await tryStart(run.route)).toBe(9_000);
      on.time += 9_000;
      await start(run.route);
      expect(await on.fleet.hostBlocks()).toEqual([]);
    });

    test("asked it of one credential: who has another one, or none, goes on", async () => {
      const bot = { targetCredential: "bot" };
      const run = await start(await dirty("a.test", "b.test", bot));
      await finish(run, { blocked: { host: "b.test", credential: "bot", ms: 5_000 } });
      expect(await tryStart(run.route)).toBe(5_000);
      expect(await tryStart(await dirty("b.test", "c.test", { sourceCredential: "bot" }))).toBe(5_000);
      await start(await dirty("a.test", "b.test", { targetCredential: "other" }));
      await start(await dirty("a.test", "b.test"));
      // The same name at another host is another account.
      await start(await dirty("a.test", "c.test", bot));
      expect(await on.fleet.hostBlocks()).toEqual([
        { host: "b.test", credential: "bot", until: on.time + 5_000, reason: "rate-limited" },
      ]);
      expect([...(await on.fleet.hostsInFlight()).keys()].toSorted()).toEqual(["a.test", "b.test", "c.test"]);
    });

    test("asked it of one credential: pushes to the target are counted as before", async () => {
      const rate = { pushesPerMinute: { "b.test": 1 } };
      const run = await start(await dirty("b.test", "b.test", { targetCredential: "bot" }), rate);
      await on.routes.pushWait(run.route.targetKey, { perMinute: 1, take: true });
      await finish(run, {});
      expect(await tryStart(run.route, rate)).toBe(PUSH_WINDOW);
    });

    test("is left alone for as long as it said although it fails and answers meanwhile", async () => {
      const [run, other] = [
        await start(await dirty("a.test", "b.test")),
        await start(await dirty("a.test", "c.test")),
      ];
      await finish(other, { failed: "a.test" });
      await finish(run, { blocked: { host: "a.test", ms: 9_000 } });
      await finish(other, { answered: ["a.test"] });
      expect(await tryStart(run.route)).toBe(9_000);
    });

    test("holds back a job that is done with the route itself", async () => {
      const run = await start(await dirty("a.test", "b.test"));
      await finish(run, { blocked: { host: "a.test", ms: 5_000 } });
      expect(await tryStart(run.route, { skip: [run.route.id] })).toBe(5_000);
    });
  });

  describe("a host that is down", () => {
    const down = { failed: "a.test" };

    async function failFiveTimes(): Promise<RouteDefinition> {
      const route = await dirty("a.test", "b.test");
      for (let n = 0; n < 5; n += 1) await finish(await start(route), down);
      return route;
    }

    test("is left alone after five failures in a row, longer each time", async () => {
      const route = await failFiveTimes();
      expect(await tryStart(route)).toBe(30_000);
      expect(await on.fleet.hostBlocks()).toMatchObject([{ host: "a.test", reason: "unreachable" }]);
      let pause = 30_000;
      for (let n = 0; n < 8; n += 1) {
        on.time += pause;
        await finish(await start(route), down);
        pause = Math.min(15 * MINUTE, pause * 2);
        expect(await tryStart(route)).toBe(pause);
      }
      expect(pause).toBe(15 * MINUTE);
    });

    test("is tried by one run, and used by all once that one got through", async () => {
      const route = await failFiveTimes();
      const other = await dirty("c.test", "a.test");
      on.time += 30_000;
      const probe = await start(route);
      expect(await tryStart(other)).toBe(MINUTE);
      await finish(probe, { answered: ["a.test", "b.test"] });
      await start(other);
      expect(await on.fleet.hostBlocks()).toEqual([]);
    });

    test("is not taken to be down by failures with an answer in between", async () => {
      const route = await dirty("a.test", "b.test");
      for (let n = 0; n < 12; n += 1) {
        await finish(await start(route), n % 4 === 3 ? { answered: ["a.test"] } : down);
      }
      await start(route);
    });
  });

  describe("a target whose host takes so many pushes a minute", () => {
    const limits = { pushesPerMinute: { "a.test": 3, "b.test": 1 } };
    const ask = async (route: RouteDefinition, take: boolean): Promise<number> =>
      await on.routes.pushWait(route.targetKey, { perMinute: 3, take });

    test("is left alone by all of its routes once the minute is full", async () => {
      const one = await dirty("b.test", "a.test");
      const two = { ...someRoute(), target: one.target, targetKey: one.targetKey };
      await on.routes.put(two);
      for (let n = 0; n < 2; n += 1) expect(await ask(one, true)).toBe(0);
      on.time += 20_000;
      expect(await ask(one, true)).toBe(0);
      await on.routes.hint(two.id, { jobId: newId(), lane: "sync", trigger: "webhook" });
      expect(await tryStart(two, limits)).toBe(PUSH_WINDOW - 20_000);
      on.time += PUSH_WINDOW - 20_000;
      await finish(await start(one, limits), {});
      for (let n = 0; n < 2; n += 1) expect(await ask(one, true)).toBe(0);
      expect(await tryStart(one, limits)).toBe(20_000);
    });

    test("gets no more of them when workers ask at once, and looking counts none", async () => {
      const route = await dirty("b.test", "a.test");
      for (let n = 0; n < 5; n += 1) expect(await ask(route, false)).toBe(0);
      const waits = await Promise.all(Array.from({ length: 12 }, () => ask(route, true)));
      expect(waits.toSorted((a, b) => a - b)).toEqual([0, 0, 0, ...Array(9).fill(PUSH_WINDOW)]);
      on.time += PUSH_WINDOW - 1;
      expect(await ask(route, true)).toBe(1);
      on.time += 1;
      expect(await ask(route, true)).toBe(0);
    });
  });

  test("an approved plan is handed to runs until one of them ends well", async () => {
    const route = await dirty("a.test", "b.test");
    expect(await on.routes.approve(route.id, "0123456789abcdef")).toBe(true);
    expect(await on.routes.approve("nobody/there", "x")).toBe(false);
    const next = async () =>
      await on.routes.startRun(route.targetKey, { runId: newId(), workerId: "w1", attempt: 1, skip: [] });
    expect(await next()).toMatchObject({ approvedPlan: "0123456789abcdef" });
    const run = await start(route);
    await finish(run, {});
    const again = await start(route);
    const status = await on.routes.route(route.id);
    await finish(
      again,
      {},
      { synced: status?.requested ?? "", condition: "ok", failures: "reset", jobState: "completed" },
    );
    await on.routes.hint(route.id, { jobId: newId(), lane: "sync", trigger: "webhook" });
    expect(await next()).toMatchObject({ approvedPlan: undefined });
  });
}
