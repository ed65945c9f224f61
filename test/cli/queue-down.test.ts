import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startNodeGitServer } from "../support/git-server.ts";
import type { RunningProcess } from "../support/process.ts";
import { startRedis, type RedisServer } from "../support/redis.ts";
import { commit, createRepository } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import type { TemporaryFolder } from "../support/temporary-folder.ts";
import { addressOf, cliFolder, documentOf, runCli, startCli } from "./git-sync.ts";

/** What closing may take beyond a worker's grace of 25 s: handing back jobs, queues, telemetry, the store. */
const WORKER_MS = 55_000;
/** What a process without runs may take. */
const GATEWAY_MS = 30_000;

describeWith(["git", "redis"], "a queue that takes everything and answers nothing", () => {
  let folder: TemporaryFolder;
  let redis: RedisServer;
  beforeEach(async () => {
    folder = cliFolder("queue-down");
    redis = await startRedis();
  });
  afterEach(async () => {
    await redis[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const environment = () => ({ folder: folder.path, env: { GITSYNC_QUEUE_URL: redis.url } });

  test("enqueue says so within moments", { timeout: 60_000 }, async () => {
    redis.pause();
    const begun = performance.now();
    const args = ["enqueue", "https://source.test/a.git", "https://target.test/a.git", "--json"];
    const outcome = await runCli(args, environment());
    // Most of it is the start of the process on a busy machine.
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect(outcome.code).toBe(1);
    expect(documentOf(outcome)).toMatchObject({
      error: {
        code: "QUEUE_UNAVAILABLE",
        retryable: true,
        message: expect.stringMatching(/\(no answer within 2000 ms\)/u),
      },
    });
  });

  test("gateway, worker and up end within their grace all the same", { timeout: 180_000 }, async () => {
    const idle = startCli(["worker"], environment());
    const gateway = startCli(["gateway", "--listen", "127.0.0.1:0"], environment());
    const both = startCli(["up", "--listen", "127.0.0.1:0"], environment());
    await using _stack = stackOf(idle, gateway, both);
    await Promise.all([
      idle.waitForLine(/Worker takes jobs/u, { timeoutMs: 60_000 }),
      addressOf(gateway),
      addressOf(both),
    ]);
    redis.pause();
    const limits = [WORKER_MS, GATEWAY_MS, WORKER_MS];
    const took = await Promise.all([idle, gateway, both].map(endedAfter));
    expect(took.map(({ code }) => code)).toEqual([0, 0, 0]);
    took.forEach(({ ms }, index) => expect(ms, String(index)).toBeLessThan(limits[index] ?? 0));
  });

  test("also with a run that hangs, whose end nobody can record", { timeout: 180_000 }, async () => {
    await using server = await startNodeGitServer(folder.path);
    await commit(await createRepository(folder.join("source.git")), "refs/heads/main", { a: "1" });
    await createRepository(folder.join("target.git"));
    const hanging = Promise.withResolvers<void>();
    server.intercept((request) => {
      if (request.isListing || !request.path.endsWith("upload-pack")) return undefined;
      hanging.resolve();
      return { type: "stall", at: 0 };
    });
    const config = folder.join("mirrors.yaml");
    writeFileSync(config, "version: 1\negress: { schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }\n");
    await using worker = startCli(["worker", "--config", config], environment());
    await worker.waitForLine(/Worker takes jobs/u, { timeoutMs: 60_000 });
    const args = ["enqueue", `${server.url}/source.git`, `${server.url}/target.git`];
    expect((await runCli(args, environment())).code).toBe(0);
    await hanging.promise;
    redis.pause();
    const { code, ms } = await endedAfter(worker);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(WORKER_MS);
  });
});

/** Ask a process to end, and wait until it has. */
async function endedAfter(
  running: RunningProcess,
): Promise<{ readonly code: number | null; readonly ms: number }> {
  const begun = performance.now();
  running.signal("SIGTERM");
  const { code } = await running.exited;
  return { code, ms: performance.now() - begun };
}

function stackOf(...running: readonly RunningProcess[]): AsyncDisposableStack {
  const stack = new AsyncDisposableStack();
  for (const each of running) stack.use(each);
  return stack;
}
