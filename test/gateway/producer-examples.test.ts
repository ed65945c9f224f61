import { join } from "node:path";
import { createProducer, type Producer } from "@gitsync/producer";
import { createSilentLogger } from "@gitsync/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readText } from "../check/repository.ts";
import { someRoute } from "../fleet/support/routes.ts";
import { nodeCommand, startProcess, type RunningProcess } from "../support/process.ts";
import { startRedis, type RedisServer } from "../support/redis.ts";
import { describeWith } from "../support/requirements.ts";

const TOKEN = "canary-example-token";

describeWith(["redis"], "the examples of docs/producer.md", () => {
  let redis: RedisServer;
  let producer: Producer;
  beforeAll(async () => {
    redis = await startRedis();
    producer = await createProducer({ queueUrl: redis.url, logger: createSilentLogger() });
  });
  afterAll(async () => {
    await producer?.close();
    await redis?.[Symbol.asyncDispose]();
  });

  test("name every call that a producer takes, and no other", () => {
    const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(producer)).filter(
      (name) => name !== "constructor",
    );
    const [, table = ""] = readText("docs/producer.md").split("| Call | Does |");
    const rows = table.split("\n\n", 1)[0]?.match(/^\| (`[^|]+) \|/gmu) ?? [];
    const documented = rows.flatMap((row) => [...row.matchAll(/`(\w+)\(/gu)].map(([, name = ""]) => name));
    expect(documented.toSorted()).toEqual(methods.toSorted());
  });

  function startExample(name: string, env: Readonly<Record<string, string>> = {}): RunningProcess {
    const file = join(import.meta.dirname, "../../docs/examples", name);
    return startProcess(nodeCommand, ["--conditions=@gitsync/source", file], {
      env: { GITSYNC_QUEUE_URL: redis.url, ...env },
    });
  }

  test("a message is confirmed once its sync is durable, and rejected when no retry would help", async () => {
    const route = someRoute();
    await producer.routes.put(route);
    await using example = startExample("enqueue-from-a-queue.ts");
    const say = (message: unknown): void => example.write(`${JSON.stringify(message)}\n`);

    say({ id: "1", mirror: route.id });
    await example.waitForLine(new RegExp(`^ack 1 ${route.id}$`, "u"));
    expect((await producer.route(route.id))?.requested).toBeDefined();
    expect((await producer.jobs({ routes: [route.id] })).jobs).toMatchObject([
      { state: "waiting", trigger: "schedule" },
    ]);

    say({ id: "2", mirror: route.id });
    await example.waitForLine(/^ack 2 .* \(asked for already\)$/u);
    say({ id: "3", source: "https://source.test/x.git", target: "https://target.test/x.git" });
    await example.waitForLine(/^ack 3 adhoc-/u);
    say({ id: "4", mirror: "nowhere/at-all" });
    await example.waitForLine(/^reject 4 ROUTE_NOT_FOUND: /u);
    say({ id: "5", source: "https://user:hunter2@source.test/x.git", target: "https://target.test/x.git" });
    await example.waitForLine(/^reject 5 REQUEST_INVALID: /u);

    redis.pause();
    try {
      const begun = performance.now();
      say({ id: "6", mirror: route.id });
      await example.waitForLine(/^retry 6 QUEUE_UNAVAILABLE: /u);
      expect(performance.now() - begun).toBeLessThan(4_000);
    } finally {
      redis.resume();
    }
    expect(example.output.stdout + example.output.stderr).not.toContain("hunter2");
  });

  test("a webhook is answered 202 with a job that can be looked at, 401, 404, and 503 while the queue is away", async () => {
    await using example = startExample("enqueue-from-a-webhook.ts", { MY_HOOK_TOKEN: TOKEN });
    const port = /\d+$/u.exec(await example.waitForLine(/^listens on /u))?.[0];
    const ask = (method: string, path: string, token = TOKEN) =>
      fetch(`http://127.0.0.1:${port}${path}`, { method, headers: { authorization: `Bearer ${token}` } });

    const accepted = await ask("POST", "/changed/docs");
    expect(accepted.status).toBe(202);
    const { job } = (await accepted.json()) as { job: string };
    expect(await (await ask("GET", `/jobs/${job}`)).json()).toEqual({ state: "waiting" });
    expect(await producer.job(job)).toMatchObject({ trigger: "webhook", target: "backup.example.com/docs" });
    expect((await ask("POST", "/changed/docs", "another")).status).toBe(401);
    expect((await ask("POST", "/changed/constructor")).status).toBe(404);
    expect((await ask("GET", "/jobs/none")).status).toBe(404);

    redis.pause();
    try {
      const away = await ask("POST", "/changed/docs");
      expect([away.status, away.headers.get("retry-after")]).toEqual([503, "2"]);
    } finally {
      redis.resume();
    }
    expect((await example.kill("SIGTERM")).code).toBe(0);
  });
});
