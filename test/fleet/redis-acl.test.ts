/** The fleet under a Redis user with the least rights; the line is the one that docs/operations.md gives. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createProducer, openFleetStore, readFleetFigures } from "@gitsync/producer";
import { createSilentLogger, openQueueStore, parseConfig } from "@gitsync/runtime";
import { createWorker } from "@gitsync/worker";
import { test } from "vitest";
import { ROOT } from "../check/repository.ts";
import { startRedis } from "../support/redis.ts";
import { describeWith } from "../support/requirements.ts";
import { eventually } from "./support/eventually.ts";
import { scriptedClient } from "./support/scripted-client.ts";

const RULES = /^ACL SETUSER gitsync (?<rules>.*)$/mu;

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
    const document = readFileSync(join(ROOT, "docs/operations.md"), "utf8");
    const rules = RULES.exec(document)?.groups?.["rules"]?.split(" ") ?? [];
    await using redis = await startRedis();
    expect(await redis.command("ACL", "SETUSER", "gitsync", ...rules)).toBe("+OK\r\n");
    const url = redis.url.replace("redis://", "redis://gitsync:PASSWORD@");
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
    const denied = (await redis.command("ACL", "LOG")).match(/\$3\r\nacl|\$6\r\nreason/gu) ?? [];
    expect(denied).toHaveLength(3);
  });
});
