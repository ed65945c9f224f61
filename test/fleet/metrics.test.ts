/**
 * What operators see on `/metrics` of a gateway and of a worker that did real work: syncs, a failure, a refusal, a
 * block, deliveries, a change that nobody told, a lock that was lost. Each metric is there with a value that fits, under
 * labels that can take few values, and no secret is among them.
 */

import { createHmac } from "node:crypto";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROUTE_STATES, RUN_OUTCOMES } from "@gitsync/jobs";
import {
  createSilentLogger,
  METRICS,
  openQueueStore,
  parseQueueUrl,
  type MetricName,
} from "@gitsync/runtime";
import { test, type ExpectStatic } from "vitest";
import { addressOf, cliFolder, startCli } from "../cli/git-sync.ts";
import { installHookGate } from "../support/hook-gate.ts";
import { startNodeGitServer } from "../support/node-git-server.ts";
import { startRedis, type RedisServer } from "../support/redis.ts";
import { commit, createRepository } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { eventually } from "./support/eventually.ts";

const PASSWORD = "canary-of-the-git-server";
const TOKEN = "canary-of-the-api";
const HOOK = "canary-of-the-webhooks";
const MIRRORS = ["told", "silent", "gone", "refused", "blocked", "held"] as const;
/** Everything that the worker does in this test takes two sweeps. */
const WORK_MS = 60_000;

/** The names that others rely on; whatever else is printed is in the table of the documentation. */
const PROMISED: readonly MetricName[] = [
  "git_sync_jobs_total",
  "git_sync_job_duration_seconds",
  "git_sync_queue_depth",
  "git_sync_queue_wait_seconds",
  "git_sync_mirror_lag_seconds",
  "git_sync_mirror_last_success_timestamp_seconds",
  "git_sync_refs_total",
  "git_sync_pack_bytes_total",
  "git_sync_remote_requests_total",
  "git_sync_webhooks_total",
  "git_sync_missed_hints_total",
  "git_sync_host_in_flight",
];

describeWith(["git", "redis"], "the metrics of a gateway and a worker that did real work", () => {
  test("are those that are promised, with values that fit", { timeout: 180_000 }, async ({ expect }) => {
    await using folder = cliFolder("metrics");
    const root = folder.join("served");
    const auth = { username: "git-sync", password: PASSWORD };
    await using server = await startNodeGitServer(root, { auth });
    await using gate = await makeRepositories(root);
    await using redis = await startRedis();
    const config = folder.join("mirrors.yaml");
    await writeFile(config, configAt(server.url));
    const env = { GITSYNC_QUEUE_URL: redis.url, BOT_TOKEN: PASSWORD, HOOK_SECRET: HOOK };
    await using gateway = startCli(["gateway", "--config", config, "--listen", "127.0.0.1:0"], {
      folder: folder.path,
      env: { ...env, GITSYNC_API_TOKEN: TOKEN },
    });
    const api = await addressOf(gateway);
    const authorization = `Bearer ${TOKEN}`;
    const ofGateway = () => samplesAt(`${api}/metrics`, { authorization });
    await using worker = startCli(["worker", "--config", config], {
      folder: folder.path,
      env: { ...env, GITSYNC_WORKER_LISTEN: "127.0.0.1:0" },
    });
    const line = await worker.waitForLine(/"url":"http:\/\/127\.0\.0\.1:\d+"/u, { timeoutMs: WORK_MS });
    const [probes = ""] = /http:\/\/[0-9.:]+/u.exec(line) ?? [];
    const ofWorker = () => samplesAt(`${probes}/metrics`);

    // While a run hangs in its push: it is counted where it is.
    await gate.reached();
    const host = new URL(server.url).host;
    const during = await ofGateway();
    expect(valueOf(during, "git_sync_host_in_flight", { host })).toBeGreaterThanOrEqual(1);
    expect(valueOf(during, "git_sync_queue_depth", { state: "active" })).toBeGreaterThanOrEqual(1);
    expect(valueOf(during, "git_sync_mirror_lag_seconds", { route: "held/t" })).toBeGreaterThan(0);
    await stealLock(redis);
    await worker.waitForLine(/"outcome":"released"/u, { timeoutMs: WORK_MS });
    await gate.open();

    const shown = async (id: string): Promise<string> => {
      const answer = await fetch(`${api}/v1/mirrors/${id}`, { headers: { authorization } });
      const { state } = (await answer.json()) as { readonly state: string };
      return state;
    };
    const wanted = ["ok", "ok", "failing", "degraded", "degraded", "ok"];
    await eventually(
      "every first run is over",
      async () => JSON.stringify(await Promise.all(MIRRORS.map(shown))) === JSON.stringify(wanted),
      WORK_MS,
    );
    for (const id of ["told", "silent"]) await commit(join(root, `${id}.git`), "refs/heads/main", { a: "2" });
    const deliver = (secret: string, path = "github/told") =>
      fetch(`${api}/hooks/${path}`, { method: "POST", body: BODY, headers: signedWith(secret) });
    expect((await deliver(HOOK)).status).toBe(202);
    expect((await deliver("another secret")).status).toBe(401);
    expect((await deliver(HOOK, "canary-of-a-stranger")).status).toBe(404);
    await eventually(
      "the change that nobody told is found, and so is the other",
      async () => {
        const samples = await ofWorker();
        return (
          valueOf(samples, "git_sync_missed_hints_total", {}) === 1 &&
          (valueOf(samples, "git_sync_queue_wait_seconds_count", { trigger: "webhook" }) ?? 0) >= 1
        );
      },
      WORK_MS,
    );

    const worked = await ofWorker();
    const jobs = (outcome: string) => valueOf(worked, "git_sync_jobs_total", { outcome }) ?? 0;
    expect(jobs("converged")).toBeGreaterThanOrEqual(5);
    expect(jobs("degraded")).toBe(2);
    expect(jobs("permanent")).toBe(1);
    expect(jobs("released")).toBe(1);
    for (const outcome of ["converged", "degraded", "permanent", "released"]) {
      const measured = { outcome };
      expect(valueOf(worked, "git_sync_job_duration_seconds_count", measured)).toBe(jobs(outcome));
      expect(valueOf(worked, "git_sync_job_duration_seconds_sum", measured)).toBeLessThan(WORK_MS / 1_000);
    }
    // What the run did that lost its lock is not certain, and not counted.
    expect(valueOf(worked, "git_sync_refs_total", { action: "create" })).toBeGreaterThanOrEqual(2);
    expect(valueOf(worked, "git_sync_refs_total", { action: "update" })).toBe(2);
    for (const side of ["source", "target"]) {
      expect(valueOf(worked, "git_sync_pack_bytes_total", { side })).toBeGreaterThan(100);
      const asked = { side, host, status: "ok" };
      expect(valueOf(worked, "git_sync_remote_requests_total", asked)).toBeGreaterThan(5);
    }
    const denied = { side: "source", host, status: "NOT_FOUND" };
    expect(valueOf(worked, "git_sync_remote_requests_total", denied)).toBeGreaterThanOrEqual(1);
    expect(valueOf(worked, "git_sync_state_changes_total", { state: "failing" })).toBe(1);
    expect(valueOf(worked, "git_sync_state_changes_total", { state: "degraded" })).toBe(2);

    const seen = await ofGateway();
    const delivered = (outcome: string) =>
      valueOf(seen, "git_sync_webhooks_total", { provider: "github", outcome });
    expect([delivered("accepted"), delivered("signature-invalid")]).toEqual([1, 1]);
    expect(valueOf(seen, "git_sync_mirrors", { state: "failing" })).toBe(1);
    expect(valueOf(seen, "git_sync_mirrors", { state: "degraded" })).toBe(2);
    const age = Date.now() / 1_000 - lastSuccess(seen, "told/t");
    expect(age).toBeGreaterThan(-5);
    expect(age).toBeLessThan(WORK_MS / 1_000);
    expect(lastSuccess(seen, "gone/t")).toBeNaN();

    expectSoundNames(expect, [...during, ...seen, ...worked], host);
    expect((await worker.kill("SIGTERM")).code).toBe(0);
    expect((await gateway.kill("SIGTERM")).code).toBe(0);
  });
});

/** What the routes do is in their repositories. */
async function makeRepositories(root: string): ReturnType<typeof installHookGate> {
  for (const id of MIRRORS) {
    if (id !== "gone") {
      await commit(await createRepository(join(root, `${id}.git`)), "refs/heads/main", { a: "1" });
    }
    await createRepository(join(root, `${id}-target.git`));
  }
  await commit(join(root, "blocked-target.git"), "refs/heads/main", { b: "of its own" });
  const hook = join(root, "refused-target.git/hooks/pre-receive");
  await writeFile(hook, "#!/bin/sh\necho 'not on a Sunday' >&2\nexit 1\n");
  await chmod(hook, 0o755);
  const gate = await installHookGate(join(root, "held-target.git"));
  await gate.close("^pre-receive ");
  return gate;
}

function configAt(url: string): string {
  const further: Partial<Record<(typeof MIRRORS)[number], string>> = {
    told: "webhook: { provider: github, secrets: [{ env: HOOK_SECRET }] },",
    silent: "every: 5s, webhook: { provider: github, secrets: [{ env: HOOK_SECRET }] },",
    blocked: "mode: sync,",
  };
  const mirrors = MIRRORS.map((id) => {
    const end = (name: string, more = ""): string => `{ ${more}url: "${url}/${name}.git", credential: bot }`;
    return `  - { id: ${id}, ${further[id] ?? ""} source: ${end(id)}, targets: [${end(`${id}-target`, "id: t, ")}] }\n`;
  });
  return `version: 1
egress: { schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }
credentials:
  bot: { type: basic, origins: ["${url}"], username: git-sync, token: { env: BOT_TOKEN } }
defaults: { every: 24h }
mirrors:
${mirrors.join("")}`;
}

const BODY = JSON.stringify({ repository: { id: 7 }, ref: "refs/heads/canary-of-a-branch" });

function signedWith(secret: string): Readonly<Record<string, string>> {
  const signature = createHmac("sha256", secret).update(BODY).digest("hex");
  return { "x-github-event": "push", "x-github-delivery": "1", "x-hub-signature-256": `sha256=${signature}` };
}

/** As an outage does: the job is nobody's any more while its run goes on. */
async function stealLock(redis: RedisServer): Promise<void> {
  const url = parseQueueUrl(redis.url, {});
  const store = await openQueueStore(url, { logger: createSilentLogger(), role: "producer" });
  try {
    if (store.kind !== "redis") throw new TypeError("not on Redis");
    const isHeld = (key: string): boolean => key.endsWith(":lock");
    const keys = (await store.redis.keys(`${store.prefix}:*:lock`)).filter(isHeld);
    for (const key of keys) {
      const data = (await store.redis.hget(key.slice(0, -":lock".length), "data")) ?? "";
      if (data.includes("held-target")) await store.redis.del(key);
    }
  } finally {
    await store.close();
  }
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

async function samplesAt(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly Sample[]> {
  const answer = await fetch(url, { headers });
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status}`);
  const lines = (await answer.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line): Sample => {
    const [, name = "", list = "", value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/u.exec(line) ?? [];
    const labels = [...list.matchAll(/(\w+)="([^"]*)"/gu)].map(([, label, text]) => [label, text]);
    return { name, labels: Object.fromEntries(labels), value: Number(value) };
  });
}

function valueOf(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>>,
): number | undefined {
  const wanted = JSON.stringify(labels);
  return samples.find((sample) => sample.name === name && JSON.stringify(sample.labels) === wanted)?.value;
}

function lastSuccess(samples: readonly Sample[], route: string): number {
  return valueOf(samples, "git_sync_mirror_last_success_timestamp_seconds", { route }) ?? Number.NaN;
}

/** Every metric of the table and no other, under its own labels; each label has few values, and none tells a secret. */
function expectSoundNames(expect: ExpectStatic, samples: readonly Sample[], host: string): void {
  const table: Readonly<Record<string, { readonly kind: string; readonly labels: readonly string[] }>> =
    METRICS;
  const metricOf = (name: string): string => {
    const bare = name.replace(/_(?:bucket|sum|count)$/u, "");
    return table[bare]?.kind === "histogram" ? bare : name;
  };
  const printed = new Set(samples.map(({ name }) => metricOf(name)));
  expect([...printed].toSorted()).toEqual(Object.keys(METRICS).toSorted());
  expect([...printed]).toEqual(expect.arrayContaining([...PROMISED]));
  const allowed: Readonly<Record<string, (text: string) => boolean>> = {
    outcome: (text) =>
      (RUN_OUTCOMES as readonly string[]).includes(text) || ["accepted", "signature-invalid"].includes(text),
    state: (text) =>
      (ROUTE_STATES as readonly string[]).includes(text) || ["waiting", "delayed", "active"].includes(text),
    trigger: (text) => ["person", "webhook", "schedule", "backfill"].includes(text),
    action: (text) => ["create", "update", "delete"].includes(text),
    side: (text) => ["source", "target"].includes(text),
    host: (text) => text === host,
    status: (text) => text === "ok" || /^[A-Z][A-Z_]+$/u.test(text),
    provider: (text) => text === "github",
    route: (text) => MIRRORS.some((id) => text === `${id}/t`),
    le: (text) => text === "+Inf" || Number(text) > 0,
  };
  for (const { name, labels, value } of samples) {
    const own = Object.keys(labels).filter((label) => label !== "le");
    expect(own, name).toEqual(table[metricOf(name)]?.labels);
    for (const [label, text] of Object.entries(labels)) {
      expect(allowed[label]?.(text), `${name}: ${label}="${text}"`).toBe(true);
    }
    expect(value, name).toBeGreaterThanOrEqual(0);
  }
  expect(JSON.stringify(samples)).not.toContain("canary");
}
