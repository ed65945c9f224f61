/** What people can do to jobs and routes, and what a worker was told of its own part. */

import { SyncError } from "@gitsync/engine";
import { targetKeyOf } from "@gitsync/jobs";
import { describe, expect, test } from "vitest";
import { eventually } from "./support/eventually.ts";
import { startFleet } from "./support/fleet.ts";
import { clientAt, createGate, scriptedClient } from "./support/scripted-client.ts";
import type { SuiteStore } from "./support/suite-store.ts";
import { startWorkerProcess } from "./support/start-worker-process.ts";

/** Define the tests on a store of their suite. */
export function describeSteering(on: SuiteStore): void {
  describe("steering", () => {
    test("a job that waits and one in back-off are cancelled at once", async () => {
      await using fleet = await startFleet(on.backend);
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
      await using fleet = await startFleet(on.backend);
      const route = await fleet.route();
      const hint = await fleet.hint(route);
      await using child = await startWorkerProcess(on.backend);
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
      await using fleet = await startFleet(on.backend);
      const client = scriptedClient();
      const route = await fleet.route();
      await fleet.work({ client });
      const hint = await fleet.hint(route);
      await fleet.answer(hint);
      const again = await fleet.producer.retry(hint.id);
      expect(again).toMatchObject({ route: route.id, coalesced: false });
      expect(again.id).not.toBe(hint.id);
      expect(await fleet.answer(again)).toMatchObject({ jobId: again.id });
      expect((await fleet.producer.jobs({ routes: [route.id] })).jobs.map((job) => job.id)).toEqual([
        again.id,
        hint.id,
      ]);
    });

    test("a paused route keeps its hints and runs when it is resumed", async () => {
      await using fleet = await startFleet(on.backend);
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
      await using fleet = await startFleet(on.backend);
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
      await using fleet = await startFleet(on.backend);
      const gate = createGate();
      const client = clientAt(gate);
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
}
