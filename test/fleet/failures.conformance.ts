/** What becomes of a job and its route when a run fails, and of refs that are refused. */

import { SyncError, type CallOptions } from "@gitsync/engine";
import { MAX_ATTEMPTS } from "@gitsync/jobs";
import { describe, expect, test } from "vitest";
import { eventually } from "./support/eventually.ts";
import { startFleet } from "./support/fleet.ts";
import { convergedResult } from "./support/routes.ts";
import { scriptedClient } from "./support/scripted-client.ts";
import { storeWith } from "./support/store-with.ts";
import type { SuiteStore } from "./support/suite-store.ts";

/** Define the tests on a store of their suite. */
export function describeFailures(on: SuiteStore): void {
  describe("failures", () => {
    test("a transient one is tried again after a jittered while; the report says so", async () => {
      await using fleet = await startFleet(on.backend);
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
      await using fleet = await startFleet(on.backend);
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
      await using fleet = await startFleet(on.backend);
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
      await using fleet = await startFleet(on.backend);
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
      await using fleet = await startFleet(on.backend);
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

    test("a host that asks to wait is left alone by every worker, for the longest that it said", async () => {
      await using fleet = await startFleet(on.backend);
      const waits = [2_000, 500];
      const bothAsk = Promise.withResolvers<void>();
      const clients = [0, 1].map(() =>
        scriptedClient(async () => {
          const retryAfterMs = waits.shift();
          if (retryAfterMs === undefined) return convergedResult();
          if (waits.length === 0) bothAsk.resolve();
          await bothAsk.promise;
          // The shorter one is told last.
          if (retryAfterMs === 500)
            await eventually("the longer wait", async () => (await fleet.producer.moment()).blocks[0]);
          throw new SyncError("RATE_LIMITED", "429", { url: "https://target.test" }, { retryAfterMs });
        }),
      );
      const routes = [await fleet.route(), await fleet.route(), await fleet.route()];
      const hints = [];
      for (const route of routes.slice(0, 2)) hints.push(await fleet.hint(route));
      for (const client of clients) await fleet.work({ client, concurrency: 1 });
      await bothAsk.promise;
      const { until } = await eventually(
        "the host is left alone",
        async () => (await fleet.producer.moment()).blocks[0],
      );
      for (const route of routes) hints.push(await fleet.hint(route));
      for (const hint of hints) {
        const report = await fleet.answer(hint);
        expect(report).toMatchObject({ outcome: "converged", attempt: 1 });
        expect(report.startedAt).toBeGreaterThanOrEqual(until);
      }
      expect(clients.flatMap(({ runs }) => runs).length).toBe(5);
    });

    test("text that a store refuses ends in failed, not stuck", async () => {
      await using fleet = await startFleet(on.backend);
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
      await using fleet = await startFleet(on.backend);
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
      await using fleet = await startFleet(on.backend);
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
      await using fleet = await startFleet(on.backend);
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
      await using fleet = await startFleet(on.backend);
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
      await using fleet = await startFleet(on.backend);
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
}
