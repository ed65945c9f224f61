import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type ExpectStatic } from "vitest";
import { addressOf, cliFolder, startCli } from "../cli/git-sync.ts";
import { startNodeGitServer } from "../support/git-server.ts";
import { startRedis } from "../support/redis.ts";
import { commit, createRepository, refsOf, tag } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { outline, startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from "./otlp-receiver.ts";

/** The caller's own trace, as a forge or a script would send it. */
const CALLER = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
/** Of the API; and one that no process of the fleet may even read. */
const SECRETS = { GITSYNC_API_TOKEN: "canary-api-token", GITSYNC_SOURCE_TOKEN: "canary-source-token" };

describeWith(
  ["git", "postgres"],
  "one trace from the request to the target's answer, on the embedded queue",
  () => {
    test("POST /v1/jobs → send → process → git.sync → requests", async ({ expect }) => {
      await using folder = cliFolder("trace");
      const picture = await traceOneJob(expect, folder.path, `embedded:${folder.join("queue")}`);
      expect(picture).toMatch(WAY_OF_A_JOB);
    });
  },
);

describeWith(["git", "redis"], "one trace from the request to the target's answer, on Redis", () => {
  test("POST /v1/jobs → send → process → git.sync → requests", async ({ expect }) => {
    await using folder = cliFolder("trace");
    await using redis = await startRedis();
    expect(await traceOneJob(expect, folder.path, redis.url)).toMatch(WAY_OF_A_JOB);
  });
});

/** The first lines of the trace, each one level deeper than the one before. */
const WAY_OF_A_JOB = new RegExp(
  [
    "^git-sync-gateway SERVER POST /v1/jobs",
    " {2}git-sync-gateway PRODUCER send git-sync",
    " {4}git-sync-worker CONSUMER process git-sync",
    " {6}git-sync-worker INTERNAL git\\.sync",
    " {8}git-sync-worker INTERNAL git\\.discover",
    " {10}git-sync-worker CLIENT ",
  ].join("\n"),
  "u",
);

/** Gateway and worker as two processes, one job through both, and every span of it looked at. */
async function traceOneJob(expect: ExpectStatic, folder: string, queueUrl: string): Promise<string> {
  await using collector = await startOtlpReceiver();
  mkdirSync(join(folder, "repositories"));
  await using server = await startNodeGitServer(join(folder, "repositories"));
  const source = await createRepository(join(folder, "repositories/source.git"));
  const target = await createRepository(join(folder, "repositories/target.git"));
  await commit(source, "refs/heads/main", { "README.md": "one\n" });
  const tip = await commit(source, "refs/heads/main", { "README.md": "two\n" });
  await tag(source, "v1", tip, "first");

  const env = {
    ...SECRETS,
    GITSYNC_QUEUE_URL: queueUrl,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: "200",
  };
  const config = join(folder, "mirrors.yaml");
  writeFileSync(config, "version: 1\negress: { schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }\n");
  await using worker = startCli(["worker", "--config", config], { folder, env });
  await using gateway = startCli(["gateway", "--adhoc", "--listen", "127.0.0.1:0"], { folder, env });
  const [address] = await Promise.all([
    addressOf(gateway),
    worker.waitForLine(/Worker takes jobs/u, { timeoutMs: 60_000 }),
  ]);

  const authorization = `Bearer ${SECRETS.GITSYNC_API_TOKEN}`;
  // What asks by the clock would bury everything else.
  for (const path of ["/healthz", "/readyz", "/metrics"]) {
    const { status } = await fetch(`${address}${path}`, { headers: { authorization } });
    expect([path, status]).toEqual([path, 200]);
  }
  const response = await fetch(`${address}/v1/jobs`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization,
      traceparent: `00-${CALLER.traceId}-${CALLER.spanId}-01`,
    },
    body: JSON.stringify({
      source: { url: `${server.url}/source.git` },
      target: { url: `${server.url}/target.git` },
    }),
  });
  expect(response.status).toBe(202);

  const isComplete = (spans: readonly ReceivedSpan[]): boolean =>
    ["POST /v1/jobs", "process git-sync"].every((name) => spans.some((span) => span.name === name));
  await collector.waitFor(isComplete);
  expect(await refsOf(target)).toEqual(await refsOf(source));

  const exits = await Promise.all([gateway.kill("SIGTERM"), worker.kill("SIGTERM")]);
  expect(exits.map(({ code }) => code)).toEqual([0, 0]);
  return checkTrace(expect, collector);
}

function checkTrace(expect: ExpectStatic, { spans, raw }: OtlpReceiver): string {
  const trace = spans.filter(({ traceId }) => traceId === CALLER.traceId);
  const picture = outline(trace);
  const one = (name: string, parent: string): ReceivedSpan => {
    const found = trace.filter((span) => span.name === name && span.parentSpanId === parent);
    expect(
      found.map((span) => span.name),
      picture,
    ).toEqual([name]);
    return found[0] ?? expect.fail(picture);
  };

  expect(
    spans.filter(({ kind, name }) => kind === "SERVER" && name !== "POST /v1/jobs").map(({ name }) => name),
  ).toEqual([]);
  const request = one("POST /v1/jobs", CALLER.spanId);
  expect(request).toMatchObject({ service: "git-sync-gateway", kind: "SERVER" });
  expect(request.attributes).toMatchObject({ "http.request.method": "POST", "http.route": "/v1/jobs" });

  const send = one("send git-sync", request.spanId);
  expect(send).toMatchObject({ service: "git-sync-gateway", kind: "PRODUCER" });
  const process = one("process git-sync", send.spanId);
  expect(process).toMatchObject({ service: "git-sync-worker", kind: "CONSUMER" });

  const sync = one("git.sync", process.spanId);
  const phases = ["git.discover", "git.plan", "git.fetch", "git.push"].map((name) => one(name, sync.spanId));
  for (const phase of phases) {
    expect(phase.service).toBe("git-sync-worker");
    expect(phase.startNanos >= sync.startNanos && phase.endNanos <= sync.endNanos, phase.name).toBe(true);
  }
  const requestsOf = (name: string): readonly ReceivedSpan[] => {
    const phase = phases.find((span) => span.name === name);
    return trace.filter((span) => span.parentSpanId === phase?.spanId && span.kind === "CLIENT");
  };
  expect(requestsOf("git.discover").length, picture).toBeGreaterThanOrEqual(2);
  expect(requestsOf("git.fetch").length, picture).toBeGreaterThanOrEqual(1);
  expect(requestsOf("git.push").length, picture).toBeGreaterThanOrEqual(1);
  for (const span of trace.filter(({ kind }) => kind === "CLIENT")) {
    expect(span.attributes, picture).toMatchObject({
      "server.address": "127.0.0.1",
      "user_agent.original": expect.stringMatching(/^git\/[\d.]+ \(git-sync\/[\d.]+\)$/u),
    });
  }

  expect(sync.attributes).toMatchObject({ "git_sync.transfer_mode": "relay" });
  // Everything of this job hangs in the caller's trace: no span lost its parent on the way.
  const known = new Set([CALLER.spanId, ...trace.map(({ spanId }) => spanId)]);
  expect(
    trace.filter(({ parentSpanId }) => !known.has(parentSpanId)),
    picture,
  ).toEqual([]);
  for (const secret of Object.values(SECRETS)) expect(raw).not.toContain(secret);
  return picture;
}
