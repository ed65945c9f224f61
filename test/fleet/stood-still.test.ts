/**
 * A worker that stands still for longer than its lock lasts (its event loop is blocked, its machine sleeps) and goes
 * on as if nothing had been: real processes, real repositories, a real SIGSTOP in the middle of a run.
 */

import { writeFile } from "node:fs/promises";
import { createProducer } from "@gitsync/producer";
import { createSilentLogger, openQueueStore, parseQueueUrl } from "@gitsync/runtime";
import { describe, test } from "vitest";
import { cliFolder, startCli } from "../cli/git-sync.ts";
import { startNodeGitServer } from "../support/git-server.ts";
import { startRedis } from "../support/redis.ts";
import { commit } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { eventually } from "./support/eventually.ts";
import { configOfPairs, isEqual, makePairs } from "./support/mirrored-pairs.ts";
import { faultsOf, runsInLog } from "./support/oracle.ts";

/** The lock of a job, and the passes of the check for jobs without one. */
const RECOVERY_MS = 45_000;

const STORES = [
  { name: "Redis", needs: "redis", open: startRedis },
  {
    name: "PostgreSQL",
    needs: "postgres",
    open: async () => {
      const folder = temporaryFolder("stood-still");
      return { url: `embedded:${folder.path}`, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
    },
  },
] as const;

describe.concurrent("a worker that stands still in the middle of a run", () => {
  for (const kind of STORES) {
    describeWith(["git", kind.needs], `on ${kind.name}`, () => {
      test("another one pushes, once; the first one's run is stopped when it goes on, and pushes nothing", async ({
        expect,
      }) => {
        await using queue = await kind.open();
        await using folder = cliFolder("stood-still");
        const pairs = await makePairs(folder.join("served"), 1);
        const [pair] = pairs;
        if (pair === undefined) throw new Error("one pair");
        await using server = await startNodeGitServer(folder.join("served"));
        const config = folder.join("mirrors.yaml");
        await writeFile(config, configOfPairs(server.url, pairs));
        const env = { GITSYNC_QUEUE_URL: queue.url };
        const start = async () => {
          const started = startCli(["worker", "--config", config], { folder: folder.path, env });
          await started.waitForLine(/Worker takes jobs/u, { timeoutMs: 60_000 });
          return started;
        };
        await using first = await start();
        await eventually("the first run", () => isEqual(pair), 60_000);

        const reached = Promise.withResolvers<void>();
        const goOn = Promise.withResolvers<void>();
        server.intercept(async (request) => {
          if (request.isListing || request.service !== "git-receive-pack") return;
          server.intercept();
          reached.resolve();
          await goOn.promise;
        });
        await commit(pair.source, "refs/heads/main", { "file.txt": "1" });
        const store = await openQueueStore(parseQueueUrl(queue.url, {}), {
          logger: createSilentLogger(),
          role: "producer",
        });
        const producer = await createProducer({ store });
        await producer.enqueueRoute(pair.id);
        await reached.promise;
        first.signal("SIGSTOP");
        await using second = await start();
        await eventually("the second worker's run", () => isEqual(pair), RECOVERY_MS);
        first.signal("SIGCONT");
        await first.waitForLine(/Lost the lock of running jobs/u);
        goOn.resolve();
        expect(await first.waitForLine(/"superseded":true/u)).toContain('"code":"LOCK_LOST"');
        await eventually("no run is under way", async () => {
          const status = await producer.route(pair.id);
          return status?.running === undefined && status?.requested === status?.synced;
        });
        const runs = [first, second].flatMap(({ output }) => runsInLog(output.stderr));
        expect(await faultsOf({ producer, pairs, runs })).toEqual([]);
        expect(runs.filter(({ lostLock }) => lostLock)).toHaveLength(1);
        await producer.close();
        await store.close();
      });
    });
  }
});
