/** What a worker shows of itself on GITSYNC_WORKER_LISTEN. */

import { writeFileSync } from "node:fs";
import { test } from "vitest";
import { startNodeGitServer } from "../support/git-server.ts";
import { startRedis } from "../support/redis.ts";
import { commit, createRepository } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { cliFolder, startCli } from "./git-sync.ts";

describeWith(["git", "redis"], "a worker with GITSYNC_WORKER_LISTEN", () => {
  test("shows its health and what it counted, and nothing else", { timeout: 60_000 }, async ({ expect }) => {
    await using folder = cliFolder("worker-listen");
    await using redis = await startRedis();
    await using server = await startNodeGitServer(folder.path);
    await commit(await createRepository(folder.join("source.git")), "refs/heads/main", { a: "1" });
    await createRepository(folder.join("target.git"));
    const config = folder.join("mirrors.yaml");
    writeFileSync(
      config,
      `version: 1
egress: { schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }
mirrors:
  - id: docs
    source: { url: ${server.url}/source.git }
    targets: [{ id: backup, url: ${server.url}/target.git }]
`,
    );
    const env = { GITSYNC_QUEUE_URL: redis.url, GITSYNC_WORKER_LISTEN: "127.0.0.1:0" };
    await using worker = startCli(["worker", "--config", config], { folder: folder.path, env });
    const line = await worker.waitForLine(/"url":"http:\/\/127\.0\.0\.1:\d+"/u);
    const [url = ""] = /http:\/\/[0-9.:]+/u.exec(line) ?? [];
    await worker.waitForLine(/"outcome":"converged"/u);

    const get = async (path: string, method = "GET") => {
      const answer = await fetch(`${url}${path}`, { method });
      return { status: answer.status, type: answer.headers.get("content-type"), text: await answer.text() };
    };
    expect(await get("/healthz")).toMatchObject({ status: 200, text: "ok\n" });
    expect(await get("/readyz")).toMatchObject({ status: 200 });
    expect(await get("/v1/jobs")).toMatchObject({ status: 404 });
    expect(await get("/metrics", "POST")).toMatchObject({ status: 405 });
    const { text, type } = await get("/metrics");
    expect(type).toContain("version=0.0.4");
    const host = new URL(server.url).host;
    expect(text).toContain('git_sync_jobs_total{outcome="converged"} 1\n');
    expect(text).toContain('git_sync_refs_total{action="create"} 1\n');
    expect(text).toMatch(/git_sync_pack_bytes_total\{side="target"\} [1-9]\d*\n/u);
    expect(text).toMatch(/git_sync_queue_wait_seconds_count\{trigger="backfill"\} 1\n/u);
    expect(text).toMatch(
      new RegExp(`git_sync_remote_requests_total\\{side="target",host="${host}",status="ok"\\} [1-9]`, "u"),
    );

    redis.pause();
    expect(await get("/readyz")).toMatchObject({ status: 503 });
    expect(await get("/healthz")).toMatchObject({ status: 200 });
    redis.resume();
    expect((await worker.kill("SIGTERM")).code).toBe(0);
  });
});
