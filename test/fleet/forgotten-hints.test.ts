/**
 * A hint that the store accepted and forgot before any worker saw it: by a file that is older than the hint, by a
 * failover, by a crash. It is answered all the same, although its route is not due for a day.
 */

import { statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { openFleetStore } from "@gitsync/producer";
import { describe, test, type ExpectStatic } from "vitest";
import { postmasterOf } from "../runtime/support/embedded.ts";
import { descendantsOf } from "../support/process-tree.ts";
import { startRedis } from "../support/redis.ts";
import { commit } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { deployFleet, type DeployedFleet } from "./support/deployed-fleet.ts";
import { eventually } from "./support/eventually.ts";
import {
  appendOnlyFileOf,
  isBack,
  startReplicatedRedis,
  stopImmediately,
  usingEmbeddedStore,
} from "./support/forgetful-stores.ts";
import { isEqual } from "./support/mirrored-pairs.ts";

/**
 * One sweep sees that the store was started anew, the next one begins the looks that it put off for the hosts' sake,
 * and the runs end on a busy machine.
 */
const ANSWERED_MS = 2 * 15_000 + 20_000;
const BACK_MS = 30_000;
const FLEET = { pairs: 2, workers: 1, every: "24h" };
const FORGOTTEN = /may have forgotten hints/u;

describe.concurrent("a hint that was forgotten", { timeout: 240_000 }, () => {
  describeWith(["git", "redis"], "a hint that Redis took and forgot", () => {
    test("started anew from an older file: is answered long before its route is due", async ({ expect }) => {
      await using redis = await startRedis();
      await using fleet = await deployFleet({ ...FLEET, label: "older", queueUrl: redis.url });
      await expectForgottenHintAnswered(expect, fleet, async (hint) => {
        const file = appendOnlyFileOf(redis);
        const { size } = statSync(file);
        await hint();
        await redis.kill();
        truncateSync(file, size);
        await redis.restart();
      });
    });

    test("failed over to a replica that lagged: is answered long before its route is due", async ({
      expect,
    }) => {
      await using pair = await startReplicatedRedis();
      await using fleet = await deployFleet({ ...FLEET, label: "replica", queueUrl: pair.url });
      await expectForgottenHintAnswered(expect, fleet, async (hint) => {
        await eventually("the replica follows", async () => (await pair.lag()) === 0);
        pair.cutOff();
        await hint();
        await pair.failOver();
      });
    });
  });

  describeWith(["git", "postgres"], "a hint that PostgreSQL took and forgot", () => {
    test("is answered long before its route is due; an end in good order forgets nothing", async ({
      expect,
    }) => {
      await using folder = temporaryFolder("asynchronous");
      const queueUrl = `embedded:${folder.path}`;
      await using fleet = await deployFleet({ ...FLEET, label: "asynchronous", queueUrl });
      await usingEmbeddedStore(folder.path, async ({ pool }) => {
        await pool.query("alter system set synchronous_commit = off");
        await pool.query("select pg_reload_conf()");
      });
      await expectForgottenHintAnswered(expect, fleet, async (hint) => {
        const server = postmasterOf(folder.path);
        const writer = descendantsOf(server).find(({ command }) => command.includes("walwriter"));
        if (writer === undefined) throw new Error("PostgreSQL has a process that writes its log");
        // Whatever is committed from now on stays in memory.
        process.kill(writer.pid, "SIGSTOP");
        await hint();
        stopImmediately(server, join(folder.path, "postgres"));
        await eventually("the server is back", () => isBack(folder.path, server), BACK_MS);
      });
      const server = postmasterOf(folder.path);
      process.kill(server, "SIGINT");
      await eventually("the server is back", () => isBack(folder.path, server), BACK_MS);
      await usingEmbeddedStore(folder.path, async (store) => {
        expect(await (await openFleetStore(store)).serverLife()).toMatchObject({ isSettled: true });
      });
    });
  });
});

/** `lose` is to take the hint, and to forget it. No worker sees anything of it. */
async function expectForgottenHintAnswered(
  expect: ExpectStatic,
  fleet: DeployedFleet,
  lose: (hint: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const { producer, workers, pairs } = fleet;
  const [pair] = pairs;
  if (pair === undefined) throw new Error("two pairs");
  await fleet.rests();
  for (const worker of workers) worker.signal("SIGSTOP");
  await commit(pair.source, "refs/heads/main", { "file.txt": "pushed" });
  await lose(() => producer.enqueueRoute(pair.id, { trigger: "webhook" }));
  const status = await eventually("the store answers", () => producer.route(pair.id).catch(() => undefined));
  expect(status.requested).toBe(status.synced);
  for (const worker of workers) worker.signal("SIGCONT");
  await eventually("the target equals its source", () => isEqual(pair), ANSWERED_MS);
  await fleet.rests();
  const told = workers.flatMap(({ output }) =>
    output.stderr.split("\n").filter((line) => FORGOTTEN.test(line)),
  );
  expect(told).toHaveLength(1);
  expect(await fleet.faults({})).toEqual([]);
}
