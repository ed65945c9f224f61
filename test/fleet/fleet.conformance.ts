/** How producer and worker behave together; run on each store. */

import { SyncError, type CallOptions } from "@gitsync/engine";
import { MAX_ATTEMPTS, targetKeyOf } from "@gitsync/jobs";
import { isProducerError, type EnqueuedSync, type RouteStore } from "@gitsync/producer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startScript, type RunningProcess } from "../support/process.ts";
import type { Backend, BackendKind } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { startFleet } from "./support/fleet.ts";
import { convergedResult } from "./support/routes.ts";
import { createGate, scriptedClient, type Gate } from "./support/scripted-client.ts";

const WORKER_PROCESS = new URL("support/worker-process.ts", import.meta.url).pathname;

/** Define the suite for one kind of store. */
export function describeFleet(kind: BackendKind): void {
  let backend: Backend;
  beforeAll(async () => {
    backend = await kind.open();
  });
  afterAll(async () => {
    await backend?.[Symbol.asyncDispose]();
  });

  async function workerProcess(): Promise<RunningProcess> {
    const child = startScript(WORKER_PROCESS, [JSON.stringify(backend.url)]);
    await child.waitForLine(/^ready$/);
    return child;
  }

  const waitingAt = (gate: Gate) =>
    scriptedClient(async (_, { signal }) => {
      await gate.wait(signal);
      return convergedResult();
    });

  describe("coalescing and exclusion", () => {
    test("a burst while a run is under way becomes exactly one more run", async () => {
      await using fleet = await startFleet(backend);
      const gate = createGate();
      const client = waitingAt(gate);
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
      await using fleet = await startFleet(backend);
      const gate = createGate();
      const client = waitingAt(gate);
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
      await using fleet = await startFleet(backend);
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

    test("an ad-hoc request is one route however it is spelt", async () => {
      await using fleet = await startFleet(backend);
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

  describe("failures", () => {
    test("a transient one is tried again after a jittered while; the report says so", async () => {
      await using fleet = await startFleet(backend);
      const client = scriptedClient(() => {
        if (client.runs.length < 3) throw new SyncError("REMOTE_UNAVAILABLE", "Cannot list refs: 502");
        return convergedResult();
      });
      const route = await fleet.route();
      await fleet.work({ client });
      const hint = await fleet.hint(route);
      const attempts: string[] = [];
      const report = await fleet.producer.waitForRun(route.id, hint.requestedAt, {
        signal: AbortSignal.timeout(20_000),
        onAttempt: (attempt) => attempts.push(`${attempt.attempt} ${attempt.outcome} ${attempt.error?.code}`),
      });
      expect(attempts).toEqual(["1 transient REMOTE_UNAVAILABLE", "2 transient REMOTE_UNAVAILABLE"]);
      expect(report).toMatchObject({ attempt: 3, outcome: "converged", jobId: hint.id });
    });

    test("a webhook ends the back-off", async () => {
      await using fleet = await startFleet(backend);
      const client = scriptedClient(() => {
        if (client.runs.length <= 4) throw new SyncError("REMOTE_TIMEOUT", "No answer");
        return convergedResult();
      });
      const route = await fleet.route();
      await fleet.work({ client });
      const first = await fleet.hint(route);
      for (let n = 1; n <= 4; n++) {
        await eventually(
          "the back-off",
          async () =>
            (await fleet.producer.job(first.id))?.attempt === n &&
            (await fleet.producer.job(first.id))?.state === "delayed",
        );
        expect(await fleet.hint(route)).toMatchObject({ id: first.id, coalesced: true });
      }
      expect(await fleet.answer(first, 5_000)).toMatchObject({ outcome: "converged" });
    });

    test("a hint between a run's end and its back-off ends the back-off, too", async () => {
      await using fleet = await startFleet(backend);
      const client = scriptedClient(() => {
        if (client.runs.length <= 4) throw new SyncError("REMOTE_TIMEOUT", "No answer");
        return convergedResult();
      });
      const route = await fleet.route();
      const { routes } = fleet.producer;
      const hinting = storeWith(routes, {
        finishRun: async (...args) => {
          const recorded = await routes.finishRun(...args);
          if (client.runs.length <= 4) await fleet.hint(route);
          return recorded;
        },
      });
      await fleet.work({ client, routes: hinting });
      expect(await fleet.answer(await fleet.hint(route), 5_000)).toMatchObject({ outcome: "converged" });
    });

    test("a permanent one fails at once; the next hint runs at once", async () => {
      await using fleet = await startFleet(backend);
      const client = scriptedClient(() => {
        if (client.runs.length === 1) throw new SyncError("AUTH_DENIED", "Cannot list refs: 403");
        return convergedResult();
      });
      const route = await fleet.route();
      await fleet.work({ client });
      const hint = await fleet.hint(route);
      expect(await fleet.answer(hint)).toMatchObject({
        outcome: "permanent",
        final: true,
        error: { code: "AUTH_DENIED" },
      });
      expect(await fleet.producer.job(hint.id)).toMatchObject({
        state: "failed",
        error: { code: "AUTH_DENIED" },
      });
      const status = await fleet.producer.route(route.id);
      expect(status).toMatchObject({ state: "failing", failuresInARow: 1 });
      expect(status?.notBefore).toBeGreaterThan(Date.now() + 23 * 3_600_000);
      await fleet.drained();
      expect(await fleet.answer(await fleet.hint(route))).toMatchObject({ outcome: "converged" });
    });

    test("a host that asks to wait is waited for, without using an attempt", async () => {
      await using fleet = await startFleet(backend);
      const client = scriptedClient(() => {
        if (client.runs.length === 1)
          throw new SyncError("RATE_LIMITED", "429", {}, { retryAfterMs: 1_500.7 });
        return convergedResult();
      });
      const route = await fleet.route();
      await fleet.work({ client });
      const hint = await fleet.hint(route);
      await eventually("the first run", async () => (await fleet.producer.job(hint.id))?.state === "delayed");
      await fleet.hint(route);
      expect(await fleet.answer(hint)).toMatchObject({ outcome: "converged", attempt: 1 });
      const [first, second] = client.runs;
      expect((second?.startedAt ?? 0) - (first?.endedAt ?? 0)).toBeGreaterThanOrEqual(1_400);
    });

    test("text that a store refuses ends in failed, not stuck", async () => {
      await using fleet = await startFleet(backend);
      const client = scriptedClient(() => {
        throw new SyncError(
          "REMOTE_REFUSED",
          "ERR \0 and half \ud800 from https://user:hunter2secret@host.test/x",
        );
      });
      const route = await fleet.route();
      await fleet.work({ client });
      const hint = await fleet.hint(route);
      const report = await fleet.answer(hint);
      expect(report.error?.message).toContain("ERR \uFFFD and half \uFFFD from");
      expect(JSON.stringify(report)).not.toContain("hunter2secret");
      await fleet.drained();
      expect(await fleet.producer.job(hint.id)).toMatchObject({ state: "failed" });
    });

    test("attempts come to an end and leave a visible failing route", async () => {
      await using fleet = await startFleet(backend);
      const client = scriptedClient(() => {
        throw new Error("a bug");
      });
      const route = await fleet.route();
      const hint = await fleet.hint(route);
      await fleet.work({ client });
      for (let n = 1; n < MAX_ATTEMPTS; n++) {
        await eventually(
          "the back-off",
          async () => (await fleet.producer.job(hint.id))?.state === "delayed" && client.runs.length === n,
        );
        await fleet.hint(route);
      }
      expect(await fleet.answer(hint)).toMatchObject({
        attempt: MAX_ATTEMPTS,
        outcome: "transient",
        error: { code: "UNEXPECTED" },
      });
      expect(await fleet.producer.route(route.id)).toMatchObject({
        state: "failing",
        failuresInARow: MAX_ATTEMPTS,
      });
      await fleet.drained();
    });

    test("a route whose runs leave no trace is put aside", async () => {
      await using fleet = await startFleet(backend);
      const client = scriptedClient();
      const route = await fleet.route();
      const hint = await fleet.hint(route);
      for (let n = 1; n <= 5; n++) {
        await fleet.producer.routes.startRun(route.targetKey, {
          runId: `gone-${n}`,
          workerId: "gone",
          attempt: 1,
          skip: [],
        });
      }
      await fleet.work({ client });
      expect(await fleet.answer(hint)).toMatchObject({
        outcome: "permanent",
        error: { code: "RUN_CRASHED" },
      });
      expect(client.runs).toHaveLength(0);
      expect(await fleet.producer.route(route.id)).toMatchObject({ state: "failing" });
    });

    test("a ref that a rule of the target refused is left out of the next runs; the rest goes on", async () => {
      await using fleet = await startFleet(backend);
      const refused = {
        branch: "x",
        sourceRef: "refs/heads/x",
        targetRef: "refs/heads/x",
        sourceHash: "1".repeat(40),
        targetHash: "",
        kind: "branch",
        action: "warn",
        outcome: "refused",
        reason: "pre-receive hook declined",
        code: "hook-declined",
      } as const;
      const told: CallOptions["heldBack"][] = [];
      const execution = { ...convergedResult().execution, converged: false };
      const client = scriptedClient((_, { heldBack }) => {
        told.push(heldBack);
        const left = { ...refused, outcome: "not-attempted", code: "quarantined" } as const;
        return convergedResult({ execution, refs: [heldBack?.length === 0 ? refused : left] });
      });
      const route = await fleet.route();
      await fleet.work({ client });
      for (let n = 0; n < 3; n += 1) {
        expect(await fleet.answer(await fleet.hint(route))).toMatchObject({ outcome: "degraded" });
      }
      const held = { targetRef: refused.targetRef, sourceHash: refused.sourceHash, reason: refused.reason };
      expect(told).toEqual([[], [held], [held]]);
      expect(await fleet.producer.route(route.id)).toMatchObject({
        state: "degraded",
        quarantine: [{ targetRef: refused.targetRef, code: "hook-declined" }],
      });
    });

    test("a blocked mass delete is carried out once a person approved exactly it", async () => {
      await using fleet = await startFleet(backend);
      const asked: CallOptions["approvedPlan"][] = [];
      const client = scriptedClient((_, { approvedPlan }) => {
        asked.push(approvedPlan);
        if (approvedPlan === "00000000000000aa") return convergedResult();
        const { execution } = convergedResult();
        return convergedResult({
          execution: { ...execution, converged: false, blockedPlan: "00000000000000aa" },
        });
      });
      const route = await fleet.route();
      await fleet.work({ client });
      await fleet.answer(await fleet.hint(route));
      const { producer } = fleet;
      await expect(producer.approve(route.id, "00000000000000bb")).rejects.toMatchObject({
        code: "PLAN_OUTDATED",
      });
      const approved = await producer.approve(route.id, "00000000000000aa");
      expect(await fleet.answer(approved)).toMatchObject({ outcome: "converged" });
      await fleet.answer(await fleet.hint(route));
      expect(asked).toEqual([undefined, "00000000000000aa", undefined]);
    });

    test("refs that were left behind degrade the route", async () => {
      await using fleet = await startFleet(backend);
      const client = scriptedClient(() =>
        convergedResult({ execution: { ...convergedResult().execution, converged: false } }),
      );
      const route = await fleet.route();
      await fleet.work({ client });
      const hint = await fleet.hint(route);
      expect(await fleet.answer(hint)).toMatchObject({ outcome: "degraded" });
      await fleet.drained();
      expect(await fleet.producer.route(route.id)).toMatchObject({
        state: "degraded",
        failuresInARow: 0,
        synced: hint.requested,
      });
      expect(client.runs).toHaveLength(1);
    });
  });

  describe("steering", () => {
    test("a job that waits and one in back-off are cancelled at once", async () => {
      await using fleet = await startFleet(backend);
      const client = scriptedClient(() => {
        throw new SyncError("REMOTE_UNREACHABLE", "No route to host");
      });
      const [waits, backsOff] = [await fleet.route(), await fleet.route()];
      const waiting = await fleet.hint(waits);
      expect(await fleet.producer.cancel(waiting.id)).toMatchObject({ state: "cancelled" });
      expect(await fleet.answer(waiting)).toMatchObject({ outcome: "cancelled", final: true });
      await fleet.work({ client });
      const delayed = await fleet.hint(backsOff);
      await eventually(
        "the back-off",
        async () => (await fleet.producer.job(delayed.id))?.state === "delayed",
      );
      expect(await fleet.producer.cancel(delayed.id)).toMatchObject({ state: "cancelled" });
      await fleet.drained();
      expect(client.runs.map((run) => run.source)).not.toContain(waits.source.url);
      await expect(fleet.producer.cancel("nothing")).rejects.toMatchObject({ code: "JOB_NOT_FOUND" });
    });

    test("a run in another process stops within two seconds of its cancellation", async () => {
      await using fleet = await startFleet(backend);
      const route = await fleet.route();
      const hint = await fleet.hint(route);
      await using child = await workerProcess();
      await child.waitForLine(/^run /);
      const at = performance.now();
      await fleet.producer.cancel(hint.id);
      expect(await fleet.answer(hint)).toMatchObject({ outcome: "cancelled" });
      expect(performance.now() - at).toBeLessThan(2_000);
      await child.waitForLine(/^stopped cancelled$/);
      expect(await fleet.producer.job(hint.id)).toMatchObject({ state: "cancelled" });
      expect(await fleet.producer.route(route.id)).toMatchObject({ state: "never-synced" });
    });

    test("retry is a fresh hint of the same route", async () => {
      await using fleet = await startFleet(backend);
      const client = scriptedClient();
      const route = await fleet.route();
      await fleet.work({ client });
      const hint = await fleet.hint(route);
      await fleet.answer(hint);
      const again = await fleet.producer.retry(hint.id);
      expect(again).toMatchObject({ route: route.id, coalesced: false });
      expect(again.id).not.toBe(hint.id);
      expect(await fleet.answer(again)).toMatchObject({ jobId: again.id });
      expect((await fleet.producer.jobs({ route: route.id })).jobs.map((job) => job.id)).toEqual([
        again.id,
        hint.id,
      ]);
    });

    test("a paused route keeps its hints and runs when it is resumed", async () => {
      await using fleet = await startFleet(backend);
      const client = scriptedClient();
      const route = await fleet.route();
      await fleet.work({ client });
      expect(await fleet.producer.pause(route.id)).toMatchObject({ state: "paused" });
      const hint = await fleet.hint(route);
      expect(hint).toMatchObject({ queued: false, state: "waiting" });
      await fleet.producer.resume(route.id);
      expect(await fleet.answer(hint)).toMatchObject({ outcome: "converged" });
      await expect(fleet.producer.pause("nobody/there")).rejects.toMatchObject({ code: "ROUTE_NOT_FOUND" });
    });

    test("a worker that is there for one target leaves the others alone", async () => {
      await using fleet = await startFleet(backend);
      const [mine, other] = [await fleet.route(), await fleet.route()];
      const client = scriptedClient();
      const theirs = await fleet.hint(other);
      const hint = await fleet.hint(mine);
      const alone = await fleet.work({ client, only: mine.targetKey });
      await fleet.answer(hint);
      expect(client.runs.map((run) => run.target)).toEqual([mine.target.url]);
      await alone.close();
      await fleet.work({ client });
      expect(await fleet.answer(theirs)).toMatchObject({ outcome: "converged", attempt: 1 });
    });

    test("a process runs no more jobs at once than it was told, over all lanes", async () => {
      await using fleet = await startFleet(backend);
      const gate = createGate();
      const client = waitingAt(gate);
      const hosts = ["a.test", "b.test", "c.test", "d.test"];
      const routes = await Promise.all(
        hosts.flatMap((host) =>
          [1, 2].map((n) =>
            fleet.route({
              target: { url: `https://${host}/${n}` },
              targetKey: targetKeyOf(`https://${host}/${n}`),
            }),
          ),
        ),
      );
      const hints = await Promise.all(routes.map((route) => fleet.hint(route)));
      await fleet.work({ client, concurrency: 2 });
      await eventually("two runs", () => client.runs.length === 2);
      gate.open();
      for (const hint of hints)
        expect(await fleet.answer(hint)).toMatchObject({ outcome: "converged", attempt: 1 });
      expect(client.maxAtOnce).toBe(2);
    });
  });

  describe("ends of processes", () => {
    test("SIGTERM during a run: the job waits again, no attempt used, exit 0", async () => {
      await using fleet = await startFleet(backend);
      const route = await fleet.route();
      const hint = await fleet.hint(route);
      await using child = await workerProcess();
      await child.waitForLine(/^run /);
      expect(await child.kill("SIGTERM")).toEqual({ code: 0, signal: null });
      expect(child.output.stdout).toContain("stopped shutdown");
      expect(await fleet.producer.job(hint.id)).toMatchObject({
        state: "waiting",
        report: { outcome: "released" },
      });
      const [lane] = await fleet.producer.routes.lanes();
      const queue = backend.store.createQueue(lane ?? "");
      const [job] = await queue.getJobs(["waiting", "prioritized"]);
      expect(job).toMatchObject({ id: hint.id, attemptsMade: 0 });
      expect(await queue.getDeduplicationJobId(route.targetKey)).toBe(hint.id);
      await fleet.work({ client: scriptedClient() });
      expect(await fleet.answer(hint)).toMatchObject({ outcome: "converged", attempt: 1, jobId: hint.id });
    });
  });

  describe("a store in trouble", () => {
    test("a request that cannot be written is refused within two seconds", async () => {
      await using fleet = await startFleet(backend);
      const route = await fleet.route();
      const at = performance.now();
      await backend.whileAway(async () => {
        const refused = await fleet.producer
          .enqueueSync({ source: route.source, target: route.target })
          .catch((error: unknown) => error);
        expect(isProducerError(refused) && refused.code).toBe("QUEUE_UNAVAILABLE");
        expect(performance.now() - at).toBeLessThan(2_500);
      });
      await fleet.work({ client: scriptedClient() });
      expect(await fleet.answer(await fleet.hint(route))).toMatchObject({ outcome: "converged" });
    });

    test("a hint whose job cannot be added is kept and says so", async () => {
      await using fleet = await startFleet(backend);
      const route = await fleet.route();
      await backend.whileQueueIsBroken(async () => {
        expect(await fleet.hint(route)).toMatchObject({ queued: false, state: "waiting", coalesced: false });
      });
      expect(await fleet.producer.route(route.id)).toMatchObject({
        requested: expect.any(String),
        synced: undefined,
      });
      expect(await fleet.hint(route)).toMatchObject({ queued: true, coalesced: true });
    });
  });
}

/** The same store with some answers of its own, so that something can happen between two steps of a worker. */
function storeWith(routes: RouteStore, own: Partial<RouteStore>): RouteStore {
  return new Proxy(routes, {
    get(target, name): unknown {
      const value: unknown = Reflect.get(own, name) ?? Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
