/** A process that is told to end, and a store that takes some of what it should take, or nothing. */

import { isProducerError } from "@gitsync/producer";
import { describe, expect, test } from "vitest";
import { startFleet } from "./support/fleet.ts";
import { scriptedClient } from "./support/scripted-client.ts";
import { startWorkerProcess } from "./support/start-worker-process.ts";
import type { SuiteStore } from "./support/suite-store.ts";

/** Define the tests on a store of their suite. */
export function describeTrouble(on: SuiteStore): void {
  describe("ends of processes", () => {
    test("SIGTERM during a run: the job waits again, no attempt used, exit 0", async () => {
      await using fleet = await startFleet(on.backend);
      const route = await fleet.route();
      const hint = await fleet.hint(route);
      await using child = await startWorkerProcess(on.backend);
      await child.waitForLine(/^run /);
      expect(await child.kill("SIGTERM")).toEqual({ code: 0, signal: null });
      expect(child.output.stdout).toContain("stopped shutdown");
      expect(await fleet.producer.job(hint.id)).toMatchObject({
        state: "waiting",
        report: { outcome: "released" },
      });
      const [lane] = await fleet.producer.routes.lanes();
      const queue = on.backend.store.createQueue(lane ?? "");
      const [job] = await queue.getJobs(["waiting", "prioritized"]);
      expect(job).toMatchObject({ id: hint.id, attemptsMade: 0 });
      expect(await queue.getDeduplicationJobId(route.targetKey)).toBe(hint.id);
      await fleet.work({ client: scriptedClient() });
      expect(await fleet.answer(hint)).toMatchObject({ outcome: "converged", attempt: 1, jobId: hint.id });
    });
  });

  describe("a store in trouble", () => {
    test("a worker that starts while its store starts anew takes jobs when it is back", async () => {
      await using fleet = await startFleet(on.backend);
      const hint = await fleet.hint(await fleet.route());
      const back = on.backend.crash();
      await fleet.work({ client: scriptedClient() });
      await back;
      expect(await fleet.answer(hint)).toMatchObject({ outcome: "converged" });
    });

    test("a request that cannot be written is refused within two seconds", async () => {
      await using fleet = await startFleet(on.backend);
      const route = await fleet.route();
      const at = performance.now();
      await on.backend.whileAway(async () => {
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
      await using fleet = await startFleet(on.backend);
      const route = await fleet.route();
      await on.backend.whileQueueIsBroken(async () => {
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
