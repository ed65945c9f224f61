import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { addressOf, cliFolder, documentOf, runCli, startCli } from "../cli/git-sync.ts";
import { startNodeGitServer } from "../support/git-server.ts";
import { startRedis } from "../support/redis.ts";
import { createRepository, refsOf } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { outline, startOtlpReceiver, type ReceivedSpan } from "../telemetry/otlp-receiver.ts";
import { createPushedSource, REPOSITORY_ID } from "./support/pushed-source.ts";

const SECRETS = { GITHUB_HOOK_SECRET: "canary-hook-secret", GITSYNC_API_TOKEN: "canary-api-token" };
const AUTHORIZED = { authorization: `Bearer ${SECRETS.GITSYNC_API_TOKEN}` };

/** The first lines of the trace, each one level deeper than the one before. */
const WAY_OF_A_PUSH = new RegExp(
  [
    "^git-sync-gateway SERVER webhook receive",
    " {2}git-sync-gateway PRODUCER send git-sync",
    " {4}git-sync-worker CONSUMER process git-sync",
    " {6}git-sync-worker INTERNAL git\\.sync",
    " {8}git-sync-worker INTERNAL git\\.discover",
    " {10}git-sync-worker CLIENT ",
  ].join("\n"),
  "u",
);

describeWith(["git", "postgres"], "from a push to the target's ref, on the embedded queue", () => {
  test("one signed delivery, one run, one trace", { timeout: 180_000 }, async () => {
    await using folder = cliFolder("push");
    const picture = await followOnePush(folder.path, `embedded:${folder.join("queue")}`);
    expect(picture).toMatch(WAY_OF_A_PUSH);
  });
});

describeWith(["git", "redis"], "from a push to the target's ref, on Redis", () => {
  test("one signed delivery, one run, one trace", { timeout: 180_000 }, async () => {
    await using folder = cliFolder("push");
    await using redis = await startRedis();
    expect(await followOnePush(folder.path, redis.url)).toMatch(WAY_OF_A_PUSH);
  });
});

describeWith(["git", "redis", "openssl", "curl"], "the script of docs/webhooks.md", () => {
  test("tells the gateway what its secret and its repository say", { timeout: 180_000 }, async () => {
    await using folder = cliFolder("script");
    await using redis = await startRedis();
    const config = folder.join("mirrors.yaml");
    writeFileSync(
      config,
      `version: 1
webhooks: { generic: { secrets: [{ env: GITHUB_HOOK_SECRET }] } }
mirrors:
  - id: docs
    source: { url: https://source.test/docs.git, repositoryId: docs }
    targets: [{ id: one, url: https://target.test/docs.git }]
`,
    );
    const env = { ...SECRETS, GITSYNC_QUEUE_URL: redis.url };
    await using gateway = startCli(["gateway", "--config", config, "--listen", "127.0.0.1:0"], {
      folder: folder.path,
      env,
    });
    const address = await addressOf(gateway);
    const repository = await createRepository(folder.join("source.git"));
    const script = /```sh\n(#!\/bin\/sh\n[\s\S]*?)```/u.exec(readFileSync(DOCUMENT, "utf8"))?.[1] ?? "";
    const file = folder.join("post-receive");
    writeFileSync(file, script.replace("https://sync.example.com", address));
    const hookEnv = { PATH: process.env["PATH"] ?? "", HOOK_SECRET: SECRETS.GITHUB_HOOK_SECRET };
    const { stdout } = await promisify(execFile)("sh", [file], {
      cwd: repository,
      env: hookEnv,
      timeout: 20_000,
    });
    expect(JSON.parse(stdout)).toMatchObject({ accepted: true, jobs: [{ route: "docs/one" }] });
    const forged = promisify(execFile)("sh", [file], {
      cwd: repository,
      env: { ...hookEnv, HOOK_SECRET: "x" },
    });
    await expect(forged).rejects.toThrow(/401/u);
  });
});

const DOCUMENT = join(import.meta.dirname, "../../docs/webhooks.md");

/** Gateway and worker as two processes, a person who pushes, all that is to be seen afterwards; and the trace of it. */
async function followOnePush(folder: string, queueUrl: string): Promise<string> {
  await using collector = await startOtlpReceiver();
  const repositories = join(folder, "repositories");
  mkdirSync(repositories);
  await using server = await startNodeGitServer(repositories);
  const target = await createRepository(join(repositories, "target.git"));
  const config = join(folder, "mirrors.yaml");
  writeFileSync(
    config,
    `version: 1
egress: { schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }
webhooks: { github: { secrets: [{ env: GITHUB_HOOK_SECRET }] } }
mirrors:
  - id: docs
    source: { url: "${server.url}/source.git", repositoryId: "${REPOSITORY_ID}" }
    targets: [{ id: backup, url: "${server.url}/target.git" }]
`,
  );
  const env = {
    ...SECRETS,
    GITSYNC_QUEUE_URL: queueUrl,
    GITSYNC_CONFIG: config,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: "200",
  };
  await using gateway = startCli(["gateway", "--listen", "127.0.0.1:0"], { folder, env });
  const address = await addressOf(gateway);
  const secret = SECRETS.GITHUB_HOOK_SECRET;
  const source = await createPushedSource({
    folder: repositories,
    hookUrl: `${address}/hooks/github`,
    secret,
  });
  // A new route runs once by itself, before anybody pushes.
  await using worker = startCli(["worker"], { folder, env });
  await worker.waitForLine(/Sync run finished/u, { timeoutMs: 60_000 });

  const tip = await source.push("refs/heads/main", "one\n");
  await expect.poll(() => refsOf(target), { timeout: 30_000 }).toEqual(new Map([["refs/heads/main", tip]]));

  const mirror = `${address}/v1/mirrors/docs`;
  const look = async (): Promise<unknown> => await (await fetch(mirror, { headers: AUTHORIZED })).json();
  await expect.poll(look, { timeout: 20_000 }).toMatchObject({
    state: "ok",
    lagMs: 0,
    lastSuccessAt: expect.any(Number),
    routes: [{ id: "docs/backup", state: "ok", failuresInARow: 0 }],
    runs: [{ outcome: "converged", counts: { applied: 1 } }, { outcome: "converged" }],
  });
  await steerFromTheCommandLine({ folder, env, address });

  const isComplete = (spans: readonly ReceivedSpan[]): boolean =>
    spans.some(({ name, traceId }) => name === "process git-sync" && spans.some(isRootOf(traceId)));
  const spans = await collector.waitFor(isComplete);
  const root = spans.find(({ name }) => name === "webhook receive");
  const trace = spans.filter(({ traceId }) => traceId === root?.traceId);
  const known = new Set(trace.map(({ spanId }) => spanId));
  expect(trace.filter((span) => span !== root && !known.has(span.parentSpanId))).toEqual([]);
  expect(root?.attributes).toMatchObject({
    "http.route": "/hooks/:provider",
    "http.response.status_code": 202,
  });

  const exits = await Promise.all([gateway.kill("SIGTERM"), worker.kill("SIGTERM")]);
  expect(exits.map(({ code }) => code)).toEqual([0, 0]);
  const logs = [gateway, worker].map(({ output }) => output.stdout + output.stderr).join("");
  for (const text of Object.values(SECRETS)) {
    expect(collector.raw).not.toContain(text);
    expect(logs).not.toContain(text);
  }
  return outline(trace);
}

function isRootOf(id: string): (span: ReceivedSpan) => boolean {
  return ({ name, traceId }) => name === "webhook receive" && traceId === id;
}

interface Steered {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Of the gateway. */
  readonly address: string;
}

/** The same fleet, from the command line. */
async function steerFromTheCommandLine({ folder, env, address }: Steered): Promise<void> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: _, ...quiet } = env;
  const run = (...args: readonly string[]) => runCli(args, { folder, env: quiet });

  const list = await run("mirrors");
  expect(list).toMatchObject({ code: 0, stderr: "" });
  expect(list.stdout).toMatch(
    /^ROUTE +STATE +LAG +LAST SUCCESS +NEXT +WAITING FOR\ndocs\/backup +ok +- +\S+ ago /u,
  );
  expect(documentOf(await run("mirrors", "show", "docs", "--json"))).toMatchObject({
    id: "docs",
    state: "ok",
    runs: [{ outcome: "converged" }, { outcome: "converged" }],
  });
  expect((await run("mirrors", "show", "docs/backup")).stdout).toMatch(/^state: {4}ok$/mu);

  const tried = await run("hooks", "test", "docs", "--gateway", address, "--json");
  expect(documentOf(tried)).toMatchObject({ status: 202, answer: { accepted: true } });
  expect(await run("hooks", "test", "docs", "--gateway", "http://127.0.0.1:1")).toMatchObject({
    code: 1,
    stdout: "",
  });
  expect(tried.stdout + tried.stderr).not.toContain(SECRETS.GITHUB_HOOK_SECRET);

  expect(await run("mirrors", "pause", "docs")).toMatchObject({ code: 0, stdout: "docs/backup paused\n" });
  expect((await run("mirrors", "list")).stdout).toMatch(/^docs\/backup +paused .* somebody to resume it$/mu);
  expect(await run("mirrors", "resume", "docs/backup")).toMatchObject({
    code: 0,
    stdout: "docs/backup resumed\n",
  });

  const waited = await run("enqueue", "docs", "--wait", "--json");
  expect(documentOf(waited)).toMatchObject({ counts: { applied: 0 }, job: { route: "docs/backup" } });
  expect(waited.code).toBe(0);
  expect(documentOf(await run("enqueue", "docs/backup", "--json"))).toMatchObject({
    jobs: [{ route: "docs/backup", coalesced: false }],
  });

  for (const args of [
    ["mirrors", "show", "nowhere"],
    ["mirrors", "pause", "nowhere"],
    ["enqueue", "nowhere"],
    ["hooks", "test", "nowhere"],
  ]) {
    const outcome = await run(...args);
    expect(outcome).toMatchObject({ code: 1, stdout: "" });
    expect(outcome.stderr).toMatch(/\[MIRROR_NOT_FOUND\]/u);
  }
  for (const args of [
    ["mirrors", "show"],
    ["hooks", "test"],
    ["hooks", "test", "docs", "--gateway", "ftp://127.0.0.1"],
    ["mirrors", "list", "docs"],
    ["enqueue", "docs", "--prune"],
  ]) {
    expect((await run(...args)).code, args.join(" ")).toBe(2);
  }
}
