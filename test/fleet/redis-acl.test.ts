/**
 * The fleet under a Redis user with the least rights; the line is the one that docs/operations.md gives. The suites
 * that run on both stores run under this user, too.
 */

import { createProducer, openFleetStore, readFleetFigures } from "@gitsync/producer";
import { createSilentLogger, openQueueStore, parseConfig } from "@gitsync/runtime";
import { createWorker } from "@gitsync/worker";
import { test } from "vitest";
import { startRedis } from "../support/redis.ts";
import { describeWith } from "../support/requirements.ts";
import { eventually } from "./support/eventually.ts";
import { addDocumentedUser, refusalsOf } from "./support/redis-user.ts";
import { scriptedClient } from "./support/scripted-client.ts";

const CONFIG = parseConfig(
  `version: 1
hosts: { target.test: { maxConcurrent: 2, pushesPerMinute: 100 } }
mirrors:
  - { id: docs, source: { url: "https://source.test/a.git" }, targets: [{ id: t, url: "https://target.test/a.git" }] }
`,
  "mirrors.yaml",
);

describeWith(["redis"], "a Redis user with the rights that the documents name", () => {
  test("is enough for producers and workers, and for nothing else", async ({ expect }) => {
    await using redis = await startRedis();
    const url = await addDocumentedUser(redis);
    const logger = createSilentLogger();
    const store = await openQueueStore({ kind: "redis", url }, { logger, role: "both" });
    if (store.kind !== "redis") throw new Error("not Redis");
    const producer = await createProducer({ store, logger });
    const client = scriptedClient();
    const worker = createWorker({ store, client, logger, config: () => CONFIG });
    await worker.start();
    const signal = AbortSignal.timeout(20_000);
    await eventually(
      "the configured route is fine",
      async () => (await producer.route("docs/t"))?.state === "ok",
    );
    const hint = await producer.enqueueSync({
      source: { url: "https://source.test/b.git" },
      target: { url: "https://target.test/b.git" },
    });
    expect(await producer.waitForRun(hint.route, hint.requestedAt, { signal })).toMatchObject({
      outcome: "converged",
    });
    await producer.pause("docs/t");
    await producer.resume("docs/t");
    await producer.cancel((await producer.enqueueRoute("docs/t")).id);
    await producer.jobs();
    await readFleetFigures(producer.routes, await openFleetStore(store));
    await expect(store.redis.get("somebody else's")).rejects.toThrow(/NOPERM/u);
    await expect(store.redis.flushall()).rejects.toThrow(/NOPERM/u);
    await expect(store.redis.config("GET", "*")).rejects.toThrow(/NOPERM/u);
    await worker.close();
    await producer.close();
    await store.close();
    // Nothing was refused in silence on the way: the log holds the three of this test alone.
    expect(await refusalsOf(redis)).toEqual(["config|get 1", "flushall 1", "somebody else's 1"]);
  });
});
