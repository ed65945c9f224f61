/** What every route store must do from a run's start to its end; run against each of them on a real server. */

import { MAX_REPORTS } from "@gitsync/jobs";
import { newId } from "@gitsync/producer";
import { describe, expect, test } from "vitest";
import type { BackendKind } from "./support/backends.ts";
import { storedRoutes } from "./support/stored-routes.ts";
import { stateOfSuite } from "./support/suite-store.ts";

/** Define the suite for one kind of store. */
export function describeRuns(kind: BackendKind): void {
  const on = stateOfSuite(kind);
  const { stored, hint, idle } = storedRoutes(on);

  describe("runs", () => {
    test("a run that saw the newest hint leaves the route clean", async () => {
      const route = await stored();
      const { requested, jobId } = await hint(route);
      const run = await on.start(route);
      expect(run).toMatchObject({ requested, jobIds: [jobId], starts: 1, route });
      expect(await on.routes.route(route.id)).toMatchObject({
        state: "syncing",
        running: { runId: run.runId, workerId: "w1", jobId, startedAt: run.startedAt },
      });
      on.time += 50;
      expect(await on.finish(run)).toBe(true);
      const status = await on.routes.route(route.id);
      expect(status).toMatchObject({
        state: "ok",
        synced: requested,
        requested,
        lastSuccessAt: on.time,
        running: undefined,
        firstUnsyncedAt: undefined,
      });
      expect(await idle(route)).toEqual({ type: "idle" });
      expect(await on.routes.job(jobId)).toMatchObject({
        state: "completed",
        attempt: 1,
        report: { runId: run.runId },
      });
    });

    test("a hint during a run leaves the route dirty and has a job of its own", async () => {
      const route = await stored();
      const first = await hint(route);
      const run = await on.start(route);
      on.time += 5;
      const second = await hint(route);
      on.time += 5;
      const third = await hint(route);
      expect(second.jobId).not.toBe(first.jobId);
      expect(third.jobId).toBe(second.jobId);
      await on.finish(run);
      expect(await on.routes.route(route.id)).toMatchObject({
        synced: first.requested,
        requested: third.requested,
        firstUnsyncedAt: second.requestedAt,
      });
      const again = await on.start(route);
      expect(again.jobIds).toEqual([second.jobId]);
      expect(again.startedAt).toBeGreaterThan(third.requestedAt);
    });

    test("a hint in the same millisecond as a start is after it", async () => {
      const route = await stored();
      await hint(route);
      const run = await on.start(route);
      expect((await hint(route)).requestedAt).toBeGreaterThanOrEqual(run.startedAt);
    });

    test("two runs of one target: the longest waiting route first, none twice", async () => {
      const first = await stored();
      const second = await stored({ targetKey: first.targetKey });
      await hint(second);
      on.time += 1;
      await hint(first);
      expect((await on.start(first)).route.id).toBe(second.id);
      expect((await on.start(first, { skip: [second.id] })).route.id).toBe(first.id);
      expect(await idle(first, [first.id, second.id])).toEqual({ type: "idle" });
    });

    test("a paused route is not started and keeps its hints", async () => {
      const route = await stored();
      expect(await on.routes.setPaused(route.id, true)).toBe(true);
      expect(await hint(route)).toMatchObject({ paused: true });
      expect(await on.routes.route(route.id)).toMatchObject({ state: "paused" });
      expect(await idle(route)).toEqual({ type: "idle" });
      await on.routes.setPaused(route.id, false);
      expect((await on.start(route)).hints).toHaveLength(1);
      expect(await on.routes.setPaused("nobody/there", true)).toBe(false);
    });

    test("a failure counts, is shown, and the next success clears it", async () => {
      const route = await stored();
      const error = { code: "AUTH_DENIED", message: "no", remedy: "a token" };
      await hint(route);
      await on.finish(
        await on.start(route),
        { condition: "failing", failures: "count", jobState: "failed" },
        { outcome: "permanent", error },
      );
      expect(await on.routes.route(route.id)).toMatchObject({
        state: "failing",
        failuresInARow: 1,
        lastError: error,
      });
      await hint(route);
      await on.finish(await on.start(route));
      expect(await on.routes.route(route.id)).toMatchObject({
        state: "ok",
        failuresInARow: 0,
        lastError: undefined,
      });
    });

    test("a waiting time holds until it is over or a hint comes", async () => {
      const route = await stored();
      await hint(route);
      await on.finish(await on.start(route), { failures: "count", jobState: "failed", waitMs: 60_000 });
      expect(await on.routes.route(route.id)).toMatchObject({ notBefore: on.time + 60_000 });
      expect(await idle(route)).toEqual({ type: "idle" });
      on.time += 60_001;
      await on.finish(await on.start(route), { failures: "count", jobState: "failed", waitMs: 60_000 });
      await hint(route);
      await on.start(route);
    });

    test("a hint during the run that failed is not made to wait", async () => {
      const route = await stored();
      await hint(route);
      const run = await on.start(route);
      await hint(route);
      await on.finish(run, { failures: "count", jobState: "failed", waitMs: 60_000 });
      await on.start(route);
    });

    test("a host's waiting time outlives hints", async () => {
      const route = await stored();
      await hint(route);
      await on.finish(await on.start(route), {
        failures: "keep",
        jobState: "delayed",
        hosts: { blocked: { host: "target.test", ms: 5_000 } },
      });
      await hint(route);
      expect(await idle(route)).toEqual({ type: "idle", heldForMs: 5_000 });
      on.time += 5_000;
      await on.start(route);
    });

    test("starts without an end are counted; an end sets the count", async () => {
      const route = await stored();
      await hint(route);
      for (let n = 1; n <= 3; n++) expect((await on.start(route)).starts).toBe(n);
      const run = await on.start(route);
      expect(run.starts).toBe(4);
      await on.finish(run, { starts: 2, failures: "keep" });
      expect((await on.start(route)).starts).toBe(3);
    });

    test("a run that was taken over records nothing", async () => {
      const route = await stored();
      const { jobId, requested } = await hint(route);
      const lost = await on.start(route);
      const taken = await on.start(route, { workerId: "w2" });
      expect(taken.jobIds).toEqual([jobId]);
      expect(await on.finish(lost)).toBe(false);
      expect(await on.routes.route(route.id)).toMatchObject({
        state: "syncing",
        synced: undefined,
        requested,
        running: { runId: taken.runId },
      });
      expect(await on.finish(lost, { requestAgain: true })).toBe(false);
      expect((await on.routes.route(route.id))?.requested).not.toBe(requested);
      expect(await on.finish(taken)).toBe(true);
      expect(await on.routes.route(route.id)).toMatchObject({ synced: requested });
      await on.start(route);
    });

    test("progress is that of the run under way", async () => {
      const route = await stored();
      const { jobId } = await hint(route);
      const run = await on.start(route);
      const progress = { phase: "fetch", sourceBytes: 10, targetBytes: 5, bytesPerSecond: 3 } as const;
      await on.routes.progress(route.id, run.runId, progress);
      await on.routes.progress(route.id, newId(), { ...progress, sourceBytes: 99 });
      expect((await on.routes.route(route.id))?.running?.progress).toEqual(progress);
      expect((await on.routes.job(jobId))?.progress).toEqual(progress);
      await on.finish(run);
      expect((await on.routes.job(jobId))?.progress).toBeUndefined();
    });

    test(`keeps the last ${MAX_REPORTS} reports, the newest first, whatever text is in them`, async () => {
      const route = await stored();
      await hint(route);
      for (let n = 0; n < MAX_REPORTS + 3; n++) {
        await on.finish(await on.start(route), { failures: "keep" }, { attempt: n });
      }
      const reports = await on.routes.reports(route.id);
      expect(reports).toHaveLength(MAX_REPORTS);
      expect(reports[0]?.attempt).toBe(MAX_REPORTS + 2);
      const error = { code: "X", message: "nul \0, half \ud800, é, 漢", remedy: "" };
      await on.finish(await on.start(route), { failures: "count" }, { error });
      expect((await on.routes.reports(route.id, 1))[0]?.error).toEqual(error);
      expect((await on.routes.route(route.id))?.lastError).toEqual(error);
    });
  });

  describe("cancelling", () => {
    test("a waiting job is cancelled at once, has a report, and its route waits for a hint", async () => {
      const route = await stored();
      const { jobId, requestedAt } = await hint(route);
      expect(await on.routes.cancelJob(jobId)).toBe("cancelled");
      expect(await on.routes.job(jobId)).toMatchObject({
        state: "cancelled",
        report: { outcome: "cancelled", final: true, jobId },
      });
      expect((await on.routes.reports(route.id))[0]?.startedAt).toBeGreaterThan(requestedAt);
      expect(await idle(route)).toEqual({ type: "idle" });
      expect(await on.routes.cancelJob(jobId)).toBe("finished");
      expect(await on.routes.cancelJob(newId())).toBe("missing");
      const again = await hint(route);
      expect(again.jobId).not.toBe(jobId);
      expect((await on.start(route)).jobIds).toEqual([again.jobId]);
    });

    test("the run of a running job is named until it ends", async () => {
      const route = await stored();
      const { jobId } = await hint(route);
      const run = await on.start(route);
      expect(await on.routes.cancelledRuns([run.runId])).toEqual([]);
      expect(await on.routes.cancelJob(jobId)).toBe("stopping");
      expect(await on.routes.cancelledRuns([newId(), run.runId])).toEqual([run.runId]);
      await on.finish(run, { failures: "keep", jobState: "cancelled" });
      expect(await on.routes.cancelledRuns([run.runId])).toEqual([]);
      expect(await on.routes.job(jobId)).toMatchObject({ state: "cancelled" });
    });

    test("a cancellation survives the worker that was to obey it", async () => {
      const route = await stored();
      const { jobId } = await hint(route);
      await on.start(route);
      await on.routes.cancelJob(jobId);
      expect(await idle(route)).toEqual({ type: "idle" });
      expect(await on.routes.job(jobId)).toMatchObject({ state: "cancelled" });
    });
  });

  test("concurrent hints and starts: one run at a time, every hint answered", async () => {
    const route = await stored();
    const receipts = await Promise.all(Array.from({ length: 50 }, () => hint(route)));
    expect(new Set(receipts.map((receipt) => receipt.jobId)).size).toBe(1);
    expect(receipts.filter((receipt) => !receipt.coalesced)).toHaveLength(1);
    const run = await on.start(route);
    await Promise.all([on.finish(run), hint(route), hint(route)]);
    const status = await on.routes.route(route.id);
    expect(status?.synced).not.toBe(status?.requested);
  });
}
