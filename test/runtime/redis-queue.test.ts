/** The queue on a real Redis: away at start, away in between, wrong password, an evicting policy. */

import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { createLogger, openQueueStore, parseQueueUrl, printQueueUrl } from "@gitsync/runtime";
import type { QueueStore } from "@gitsync/runtime";
import { expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { startRedis } from "../support/redis.ts";
import { describeWith } from "../support/requirements.ts";
import { makeCertificates } from "../support/certificates.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { startChaosProxy } from "../support/tcp-chaos-proxy.ts";

const LANE = "sync.example.com";

function open(
  url: string,
  options: { readonly lines?: string[]; readonly waitMs?: number } = {},
): Promise<QueueStore> {
  const logger = createLogger({
    name: "test",
    destination: { write: (line) => options.lines?.push(line) },
  });
  return openQueueStore(parseQueueUrl(url, {}), {
    logger,
    role: "both",
    ...(options.waitMs !== undefined && { waitMs: options.waitMs }),
  });
}

describeWith(["redis"], "the queue on Redis", () => {
  test("keeps every key below its hash-tagged prefix", async () => {
    await using redis = await startRedis();
    const store = await open(redis.url);
    const queue = store.createQueue(LANE);
    await queue.add("sync", {});
    await queue.close();
    expect(store).toMatchObject({ kind: "redis", prefix: "{gitsync}" });
    expect(
      (await redis.command("KEYS", "*")).match(/\{gitsync\}:sync\.example\.com:/g)?.length,
    ).toBeGreaterThan(2);
    expect(await redis.command("EVAL", "return #redis.call('KEYS', '[^{]*')", "0")).toContain(":0");
    await store.close();
  });

  test("says within the given time that Redis is away, and how to help", async () => {
    const url = `redis://user:very-secret@127.0.0.1:${await freePort()}`;
    const startedAt = performance.now();
    const error: unknown = await open(url, { waitMs: 700 }).catch((thrown: unknown) => thrown);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(error).toMatchObject({ name: "RuntimeError", code: "QUEUE_UNAVAILABLE", retryable: true });
    expect(String(error)).toMatch(/ECONNREFUSED.*start it, or name another queue in GITSYNC_QUEUE_URL/);
    expect(JSON.stringify(error) + String(error)).not.toContain("very-secret");
  });

  test("says that a Redis serves its own machine only, as one in protected mode does", async () => {
    // What a real one sends to another machine before it hangs up; this machine is never refused.
    const words = "-DENIED Redis is running in protected mode because protected mode is enabled\r\n";
    const server = createServer((socket) => void socket.on("error", () => undefined).end(words));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await expect(open(`redis://127.0.0.1:${port}`, { waitMs: 700 })).rejects.toMatchObject({
      code: "QUEUE_ACCESS_DENIED",
      message: expect.stringMatching(/serves its own machine only .*set a password there/u),
    });
    server.close();
  });

  test("opens as soon as a Redis that was away answers", async () => {
    await using redis = await startRedis();
    await redis.kill();
    const opening = open(redis.url, { waitMs: 10_000 });
    await redis.restart();
    const store = await opening;
    await expect(store.ping()).resolves.toBeUndefined();
    await store.close();
  });

  test("stops waiting when it is told to", async () => {
    const controller = new AbortController();
    const opening = openQueueStore(parseQueueUrl(`redis://127.0.0.1:${await freePort()}`, {}), {
      logger: createLogger({ name: "test", level: "silent" }),
      role: "producer",
      signal: controller.signal,
      waitMs: 60_000,
    });
    controller.abort(new Error("no longer wanted"));
    await expect(opening).rejects.toThrow("no longer wanted");
  });

  test("tells a wrong password from an absent server, at once and without repeating it", async () => {
    await using redis = await startRedis({ settings: { "--requirepass": "right-password" } });
    const error: unknown = await open(`redis://:wrong-password@127.0.0.1:${redis.port}`, {
      waitMs: 20_000,
    }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "QUEUE_ACCESS_DENIED", retryable: false });
    expect(JSON.stringify(error) + String(error)).not.toContain("wrong-password");
  });

  test("fails fast for producers and resumes for workers when Redis goes away and comes back", async () => {
    await using redis = await startRedis();
    const lines: string[] = [];
    const store = await open(redis.url, { lines });
    const queue = store.createQueue(LANE);
    const worker = store.createWorker(LANE, async (_job, _token, _signal) => "done", {});
    await worker.waitUntilReady();
    await redis.kill();
    await expect(store.ping(1_000)).rejects.toMatchObject({ code: "QUEUE_UNAVAILABLE" });
    const startedAt = performance.now();
    await expect(queue.add("sync", {})).rejects.toThrow(/writeable|closed/);
    expect(performance.now() - startedAt).toBeLessThan(1_000);

    await redis.restart();
    const completed = once(worker, "completed");
    await expect
      .poll(
        async () =>
          store.ping(500).then(
            () => true,
            () => false,
          ),
        { timeout: 5_000 },
      )
      .toBe(true);
    await queue.add("sync", {});
    await completed;
    expect(lines.join("")).toMatch(/Redis went away[\s\S]*Redis is back/);
    expect(lines.length).toBeLessThan(10);
    await worker.close();
    await queue.close();
    await store.close();
  });

  test("opens other connections when its own died without a word", async () => {
    await using redis = await startRedis();
    await using proxy = await startChaosProxy(redis.port);
    const store = await open(`redis://127.0.0.1:${proxy.port}`);
    const queue = store.createQueue(LANE);
    const worker = store.createWorker(LANE, async (_job, _token, _signal) => "done", {});
    await worker.waitUntilReady();
    proxy.forget();
    await expect(store.ping(1_000)).rejects.toMatchObject({ code: "QUEUE_UNAVAILABLE" });
    const answers = () =>
      store.ping(500).then(
        () => true,
        () => false,
      );
    await expect.poll(answers, { timeout: 20_000 }).toBe(true);
    // Its own connections die at their own time, each with an error that is logged.
    let done = 0;
    worker.on("completed", () => (done += 1));
    await queue.add("sync", {});
    await expect.poll(() => done, { timeout: 20_000 }).toBe(1);
    await worker.close();
    await queue.close();
    await store.close();
  });

  test("warns about a Redis that would evict jobs", async () => {
    await using redis = await startRedis({ settings: { "--maxmemory-policy": "allkeys-lru" } });
    const lines: string[] = [];
    await (await open(redis.url, { lines })).close();
    expect(lines.join("")).toMatch(/"maxmemory_policy":"allkeys-lru".*set maxmemory-policy to noeviction/);
  });

  test("refuses a Redis that is too old, at once and with its version", async () => {
    await using server = await oldRedis("5.0.14");
    await expect(open(server.url)).rejects.toMatchObject({
      code: "QUEUE_STORE_UNSUITABLE",
      message: expect.stringMatching(/is version 5\.0\.14.*6\.2 or newer/u),
    });
  });

  test("closes within its deadline while Redis does not answer and a job runs", async () => {
    await using redis = await startRedis();
    const store = await open(redis.url);
    const { promise: never } = Promise.withResolvers<void>();
    const worker = store.createWorker(LANE, async (_job, _token, _signal) => never, {});
    const active = once(worker, "active");
    await store.createQueue(LANE).add("sync", {});
    await active;
    redis.pause();
    const startedAt = performance.now();
    await store.close(1_000);
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    redis.resume();
  });

  test("prints its address without the password", () => {
    expect(printQueueUrl(parseQueueUrl("rediss://bot:pw@example.com:6380/2?x=pw", {}))).toBe(
      "rediss://bot@example.com:6380/2",
    );
  });
});

describeWith(["redis", "openssl"], "the queue on a Redis with TLS", () => {
  test("says how a certificate of its own authority is made known", async () => {
    await using folder = temporaryFolder("redis-tls");
    const { authority, certificate, key } = await makeCertificates(folder, "redis");
    const port = await freePort();
    const tls = { "--tls-cert-file": certificate, "--tls-key-file": key, "--tls-ca-cert-file": authority };
    await using _redis = await startRedis({
      settings: { "--tls-port": String(port), "--tls-auth-clients": "no", ...tls },
    });
    await expect(open(`rediss://127.0.0.1:${port}`, { waitMs: 1_000 })).rejects.toMatchObject({
      code: "QUEUE_UNAVAILABLE",
      message: expect.stringMatching(/certificate.*NODE_EXTRA_CA_CERTS/u),
    });
  });
});

/** Says of itself that it is some version, and of everything else that it is fine. */
async function oldRedis(version: string): Promise<AsyncDisposable & { readonly url: string }> {
  const info = `# Server\r\nredis_version:${version}\r\n`;
  const server = createServer((socket) => {
    socket.on("data", (commands) => {
      for (const command of commands.toString("latin1").split(/(?=^\*\d)/mu)) {
        socket.write(/info/iu.test(command) ? `$${info.length}\r\n${info}\r\n` : "+OK\r\n");
      }
    });
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `redis://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}
