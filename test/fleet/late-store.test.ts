/** A worker that is started before its queue's store. */

import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, test, type ExpectStatic } from "vitest";
import { cliFolder, runCli, startCli } from "../cli/git-sync.ts";
import { startNodeGitServer } from "../support/git-server.ts";
import { closeMember, disposeTemplate, startMember, usedFolder } from "../runtime/support/embedded.ts";
import { startChaosProxy, type ChaosProxy } from "../support/tcp-chaos-proxy.ts";
import { startRedis } from "../support/redis.ts";
import { describeWith } from "../support/requirements.ts";
import { eventually } from "./support/eventually.ts";
import { configOfPairs, isEqual, makePairs } from "./support/mirrored-pairs.ts";
import { faultsOf, runsInLog } from "./support/oracle.ts";

/** Worker and store begin at the same moment; the worker finds the store away a few times, then there. */
async function expectLateStart(expect: ExpectStatic, queueUrl: string, store: ChaosProxy): Promise<void> {
  await using folder = cliFolder("late-store");
  const [pair] = await makePairs(folder.join("served"), 1);
  if (pair === undefined) throw new Error("one pair");
  await using server = await startNodeGitServer(folder.join("served"));
  const config = folder.join("mirrors.yaml");
  await writeFile(config, configOfPairs(server.url, [pair]));
  const env = { GITSYNC_QUEUE_URL: queueUrl };
  store.setToxics({ refuse: true });
  await using worker = startCli(["worker", "--config", config], { folder: folder.path, env });
  await eventually("the worker asks for its store", () => store.connections > 2, 60_000);
  store.setToxics({});
  await eventually("the configured route runs", () => isEqual(pair), 60_000);
  // Queues, too, that were built after a store came up late take jobs and hand them out.
  const hinted = await runCli(["enqueue", "--wait", "m0"], { folder: folder.path, env });
  expect(hinted).toMatchObject({ code: 0 });
  expect(await worker.kill("SIGTERM")).toMatchObject({ code: 0 });
  const written = { "the worker's log": worker.output.stdout + worker.output.stderr };
  const secrets = [new URL(queueUrl).password].filter((secret) => secret !== "");
  const runs = runsInLog(worker.output.stderr);
  expect(await faultsOf({ pairs: [pair], runs, secrets, written })).toEqual([]);
}

describeWith(["git", "redis"], "a worker that is started before Redis", () => {
  test("takes jobs once Redis is there", async ({ expect }) => {
    await using redis = await startRedis();
    await using proxy = await startChaosProxy(redis.port);
    await expectLateStart(expect, `redis://127.0.0.1:${proxy.port}`, proxy);
  });
});

describeWith(["git", "postgres"], "a worker that is started before PostgreSQL", () => {
  afterAll(disposeTemplate);

  test("takes jobs once PostgreSQL is there", async ({ expect }) => {
    await using folder = await usedFolder();
    await using host = startMember(`embedded:${folder.path}`);
    await host.waitForLine(/^opened/);
    await using proxy = await startChaosProxy(join(folder.path, "run/server/.s.PGSQL.5432"));
    const password = encodeURIComponent(readFileSync(folder.join("password"), "utf8").trim());
    const queueUrl = `postgres://gitsync:${password}@127.0.0.1:${proxy.port}/postgres`;
    await expectLateStart(expect, queueUrl, proxy);
    await closeMember(host);
  });
});
