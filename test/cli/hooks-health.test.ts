import { writeFileSync } from "node:fs";
import type { Trigger } from "@gitsync/jobs";
import { createProducer, newId, type Producer } from "@gitsync/producer";
import { configuredRoutes, createSilentLogger, loadConfig } from "@gitsync/runtime";
import { afterAll, beforeAll, test } from "vitest";
import { convergedResult } from "../fleet/support/routes.ts";
import { startRedis, type RedisServer } from "../support/redis.ts";
import { describeWith } from "../support/requirements.ts";
import type { TemporaryFolder } from "../support/temporary-folder.ts";
import { cliFolder, documentOf, runCli } from "./git-sync.ts";

describeWith(["redis"], "git-sync hooks health", () => {
  let redis: RedisServer;
  let producer: Producer;
  let folder: TemporaryFolder;
  let file: string;
  beforeAll(async () => {
    redis = await startRedis();
    folder = cliFolder("hooks-health");
    file = folder.join("mirrors.yaml");
    const mirror = (id: string, repositoryId: string): string =>
      `  - { id: ${id}, source: { url: https://source.test/${id}.git${repositoryId} }, targets: [{ id: t, url: https://target.test/${id}.git }] }\n`;
    writeFileSync(
      file,
      `version: 1\nwebhooks: { github: { secrets: [{ env: HOOK }] } }\nmirrors:\n` +
        `${mirror("fine", ', repositoryId: "1"')}${mirror("lost", ', repositoryId: "2"')}${mirror("plain", "")}`,
    );
    producer = await createProducer({ queueUrl: redis.url, logger: createSilentLogger() });
    const { config } = await loadConfig(file);
    await producer.routes.putAll(configuredRoutes(config).map(({ definition }) => definition));
  });
  afterAll(async () => {
    await producer?.close();
    await redis?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** A run of a mirror's route that changed its target. */
  async function change(mirror: string, trigger: Trigger): Promise<void> {
    const route = `${mirror}/t`;
    const { target } = await producer.enqueueRoute(route, { trigger });
    const runId = newId();
    const asked = { runId, workerId: "w", attempt: 1, skip: [], known: [route] };
    const run = await producer.routes.startRun(target, asked);
    if (run.type !== "run") throw new Error("nothing to run");
    const { startedAt, jobIds, requested } = run;
    const result = convergedResult();
    await producer.routes.finishRun(
      {
        runId,
        jobId: jobIds[0] ?? "",
        route,
        attempt: 1,
        startedAt,
        finishedAt: startedAt,
        outcome: "converged",
        final: true,
        triggers: [trigger],
        result: { ...result, counts: { ...result.counts, applied: 1 } },
      },
      { synced: requested, condition: "ok", failures: "reset", jobState: "completed" },
    );
  }

  const health = (...args: readonly string[]) =>
    runCli(["hooks", "health", ...args], {
      folder: folder.path,
      env: { GITSYNC_QUEUE_URL: redis.url, GITSYNC_CONFIG: file },
    });

  test("tells which webhooks do not come, by the changes that only the schedule found", async ({
    expect,
  }) => {
    await change("fine", "webhook");
    expect(await health("fine")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^fine +ok +\d+m?s ago +1 +0$/mu),
    });
    await change("lost", "webhook");
    await change("lost", "schedule");
    const outcome = await health();
    expect(outcome).toMatchObject({ code: 1, stderr: "" });
    expect(outcome.stdout).toMatch(/^lost +missing /mu);
    expect(outcome.stdout).toMatch(/^1 mirror expects no webhook$/mu);
    expect(documentOf(await health("--json"))).toMatchObject({
      mirrors: [
        { mirror: "fine", state: "ok", changes: 1, missed: 0 },
        { mirror: "lost", state: "missing", changes: 2, missed: 1 },
      ],
      withoutWebhook: 1,
    });
    expect(await health("nowhere")).toMatchObject({ code: 1, stdout: "" });
  });
});
