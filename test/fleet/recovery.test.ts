/** What happens when a worker, its lock or its store is gone. Waits for real locks to run out, so all run at once. */

import { describe, test } from "vitest";
import { describeWith } from "../support/requirements.ts";
import { BACKENDS } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { startFleet } from "./support/fleet.ts";
import { convergedResult } from "./support/routes.ts";
import { clientAt, createGate, scriptedClient } from "./support/scripted-client.ts";
import { startWorkerProcess } from "./support/start-worker-process.ts";

/** The lock of a job, and the passes of the check for jobs without one. */
const RECOVERY_MS = 45_000;

describe.concurrent("recovery, each test with a store of its own", () => {
  for (const kind of BACKENDS) {
    describeWith([kind.needs], `on ${kind.name}`, () => {
      test("a worker is killed during a run: the job runs again within 45 s, by another one", async ({
        expect,
      }) => {
        await using backend = await kind.open();
        await using fleet = await startFleet(backend);
        const route = await fleet.route();
        const hint = await fleet.hint(route);
        await using child = await startWorkerProcess(backend);
        await child.waitForLine(/^run /);
        const client = scriptedClient();
        await fleet.work({ client });
        await child.kill("SIGKILL");
        const killed = performance.now();
        expect(client.runs).toHaveLength(0);
        expect(await fleet.producer.job(hint.id)).toMatchObject({ state: "active" });
        const during = await fleet.hint(route);
        expect(await fleet.answer(hint, RECOVERY_MS + 1_000)).toMatchObject({
          outcome: "converged",
          jobId: hint.id,
        });
        expect((client.runs[0]?.startedAt ?? Infinity) - killed).toBeLessThan(RECOVERY_MS);
        await fleet.answer(during);
        await fleet.drained();
        expect(client.runs).toHaveLength(1);
        expect(await fleet.producer.route(route.id)).toMatchObject({ state: "ok" });
        expect(await fleet.faults()).toEqual([]);
      });

      test("a lock is lost during a run: the run is stopped, its route looked at again, never twice at once", async ({
        expect,
      }) => {
        await using backend = await kind.open();
        await using fleet = await startFleet(backend);
        const gate = createGate();
        const client = scriptedClient(async (_, { signal }) => {
          if (client.runs.length === 1) await gate.wait(signal);
          return convergedResult();
        });
        const route = await fleet.route();
        const hint = await fleet.hint(route);
        await fleet.work({ client });
        await fleet.work({ client });
        await eventually("the first run", () => client.runs.length === 1);
        const [lane] = await fleet.producer.routes.lanes();
        await backend.stealLock(lane ?? "", hint.id);
        const report = await fleet.answer(hint, RECOVERY_MS);
        expect(client.runs[0]?.reason).toBe("lock-lost");
        expect(report).toMatchObject({ outcome: "converged", jobId: hint.id });
        await eventually("a clean route", async () => {
          const status = await fleet.producer.route(route.id);
          return status?.synced === status?.requested;
        });
        const status = await fleet.producer.route(route.id);
        expect(status?.requested).not.toBe(hint.requested);
        await fleet.drained();
        expect(client.maxPerTarget).toBe(1);
        expect(await fleet.faults()).toEqual([]);
      });

      test("a worker's clock is a minute ahead: whatever it takes from others ends well, and once", async ({
        expect,
      }) => {
        await using backend = await kind.open();
        await using fleet = await startFleet(backend);
        const gate = createGate();
        const client = clientAt(gate);
        const routes = [await fleet.route(), await fleet.route()];
        const hints = [];
        for (const route of routes) hints.push(await fleet.hint(route));
        await fleet.work({ client });
        await eventually("both runs", () => client.runs.length === 2);
        await using ahead = await startWorkerProcess(backend, { clockAheadMs: 60_000 });
        // Locks are the worker's clock on PostgreSQL, and Redis' own elsewhere.
        if (kind.name === "embedded") {
          await ahead.waitForLine(/^run /u, { timeoutMs: RECOVERY_MS });
          await eventually("the run that was taken over is told", () =>
            client.runs.some(({ reason }) => reason === "lock-lost"),
          );
        }
        gate.open();
        expect(await ahead.kill("SIGTERM")).toMatchObject({ code: 0 });
        for (const hint of hints) {
          expect(await fleet.answer(hint, RECOVERY_MS)).toMatchObject({ outcome: "converged" });
        }
        await fleet.drained();
        await eventually("nothing is left to do", async () => (await fleet.faults()).length === 0);
      });

      test("the store ends without a warning: hints that it took are answered when it is back", async ({
        expect,
      }) => {
        await using backend = await kind.open();
        await using fleet = await startFleet(backend);
        const client = scriptedClient();
        await fleet.work({ client });
        const routes = await Promise.all(Array.from({ length: 20 }, () => fleet.route()));
        const hints = await Promise.all(routes.map((route) => fleet.hint(route)));
        await backend.crash();
        for (const hint of hints) {
          expect(await fleet.answer(hint, 2 * RECOVERY_MS)).toMatchObject({ outcome: "converged" });
        }
        const after = await fleet.hint(await fleet.route());
        expect(await fleet.answer(after)).toMatchObject({ outcome: "converged", jobId: after.id });
        expect(await fleet.faults()).toEqual([]);
      });

      test("a worker closes in time while its store is away and a run is under way", async ({ expect }) => {
        await using backend = await kind.open();
        await using fleet = await startFleet(backend);
        const gate = createGate();
        const client = clientAt(gate);
        const hint = await fleet.hint(await fleet.route());
        const worker = await fleet.work({ client, graceMs: 200 });
        await eventually("the run", () => client.runs.length === 1);
        await backend.whileAway(async () => {
          const at = performance.now();
          await worker.close();
          expect(performance.now() - at).toBeLessThan(11_000);
        });
        expect(client.runs[0]?.reason).toBe("shutdown");
        expect(await fleet.producer.job(hint.id)).toBeDefined();
      });
    });
  }
});
