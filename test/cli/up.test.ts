import { writeFileSync } from "node:fs";
import { test } from "vitest";
import { startNodeGitServer } from "../support/git-server.ts";
import { commit, createRepository, refsOf } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import type { RunningProcess } from "../support/process.ts";
import type { TemporaryFolder } from "../support/temporary-folder.ts";
import { addressOf, cliFolder, documentOf, runCli, startCli } from "./git-sync.ts";

interface Job {
  readonly id: string;
  readonly state: string;
  readonly error?: { readonly code: string };
  readonly report?: {
    readonly outcome: string;
    readonly result: { readonly counts: { readonly applied: number } };
  };
}

/** A configuration that lets a worker of the fleet reach what the tests serve. */
function fleetConfig(
  folder: TemporaryFolder,
  egress = "{ schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }",
): string {
  const path = folder.join("mirrors.yaml");
  writeFileSync(path, `version: 1\nadhoc: true\negress: ${egress}\n`);
  return path;
}

function startUp(
  folder: TemporaryFolder,
  config: string,
  env: Readonly<Record<string, string>> = {},
): RunningProcess {
  const args = ["up", "--config", config, "--listen", "127.0.0.1:0"];
  return startCli(args, { folder: folder.path, env });
}

async function post(address: string, source: string, target: string): Promise<Job> {
  const response = await fetch(`${address}/v1/jobs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ source: { url: source }, target: { url: target } }),
  });
  const body: Job = JSON.parse(await response.text());
  if (response.status !== 202) throw new Error(JSON.stringify(body));
  return body;
}

/** The job once it is over. */
async function ended(address: string, id: string): Promise<Job> {
  for (;;) {
    const job: Job = JSON.parse(await (await fetch(`${address}/v1/jobs/${id}`)).text());
    if (["completed", "failed", "cancelled"].includes(job.state)) return job;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describeWith(["git", "postgres"], "up", () => {
  test(
    "one process serves, runs, shows, steers, and ends in order",
    { timeout: 120_000 },
    async ({ expect }) => {
      await using folder = cliFolder("up");
      await using server = await startNodeGitServer(folder.path);
      const source = await createRepository(folder.join("source.git"));
      const target = await createRepository(folder.join("target.git"));
      await commit(source, "refs/heads/main", { a: "1" });
      await using up = startUp(folder, fleetConfig(folder));
      const address = await addressOf(up);

      const accepted = await post(address, `${server.url}/source.git`, `${server.url}/target.git`);
      const job = await ended(address, accepted.id);
      expect(job).toMatchObject({
        state: "completed",
        report: { outcome: "converged", result: { counts: { applied: 1 } } },
      });
      expect(await refsOf(target)).toEqual(await refsOf(source));
      expect(await (await fetch(address)).text()).toContain("<title>git-sync</title>");
      expect((await fetch(`${address}/readyz`)).status).toBe(200);

      // The command line joins the same queue.
      const list = await runCli(["jobs", "--json"], { folder: folder.path });
      expect(list).toMatchObject({ code: 0, stderr: "" });
      expect(documentOf(list)["jobs"]).toEqual([
        expect.objectContaining({ id: accepted.id, state: "completed" }),
      ]);
      const shown = await runCli(["jobs", "show", accepted.id], { folder: folder.path });
      expect(shown.stdout).toMatch(/^outcome: {2}converged$/mu);
      expect(shown.stdout).toMatch(/^create {2}refs\/heads\/main/mu);
      expect(await runCli(["jobs", "show", "nope"], { folder: folder.path })).toMatchObject({
        code: 1,
        stdout: "",
      });

      await commit(source, "refs/heads/main", { a: "2" });
      const args = [`${server.url}/source.git`, `${server.url}/target.git`];
      const enqueued = await runCli(["enqueue", ...args, "--wait"], { folder: folder.path });
      expect(enqueued).toMatchObject({ code: 0, stderr: "" });
      expect(enqueued.stdout).toMatch(/^update {2}refs\/heads\/main/mu);
      expect(await refsOf(target)).toEqual(await refsOf(source));
      const quick = await runCli(["enqueue", ...args, "--json"], { folder: folder.path });
      const again = documentOf(quick);
      expect(Object.keys(again)).toEqual(["id", "route", "state", "coalesced", "requestedAt"]);
      expect((await ended(address, String(again["id"]))).state).toBe("completed");

      const begun = performance.now();
      up.signal("SIGINT");
      up.signal("SIGINT"); // As npm and the terminal send it: one key, two signals.
      expect(await up.exited).toEqual({ code: 0, signal: null });
      expect(performance.now() - begun).toBeLessThan(15_000);
      expect(up.output.stdout).toBe("");
      const log = up.output.stderr.trim().split("\n");
      for (const line of log) expect(() => JSON.parse(line), line).not.toThrow();
      expect(log.filter((line) => /"level":"(?:warn|error|fatal)"/u.test(line))).toEqual([]);
    },
  );

  test("configured mirrors are kept equal, without a hint", { timeout: 120_000 }, async ({ expect }) => {
    await using folder = cliFolder("up-mirrors");
    await using server = await startNodeGitServer(folder.path);
    const source = await createRepository(folder.join("source.git"));
    const targets = [
      await createRepository(folder.join("one.git")),
      await createRepository(folder.join("two.git")),
    ];
    await commit(source, "refs/heads/main", { a: "1" });
    await commit(source, "refs/heads/tmp/x", { a: "2" });
    const path = folder.join("mirrors.yaml");
    const urls = [`${server.url}/one.git`, `${server.url}/two.git`];
    writeFileSync(
      path,
      `version: 1
egress: { schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }
defaults: { refs: ["refs/heads/*", "^refs/heads/tmp/*"] }
mirrors:
  - id: docs
    source: { url: ${server.url}/source.git }
    targets: [{ id: one, url: ${urls[0]} }, { id: two, url: ${urls[1]}, every: auto }]
`,
    );
    await using up = startUp(folder, path);
    await up.waitForLine(/"route":"docs\/one".*"outcome":"converged"/u);
    await up.waitForLine(/"route":"docs\/two".*"outcome":"converged"/u);
    const wanted = await refsOf(source, "refs/heads/main");
    for (const target of targets) expect(await refsOf(target)).toEqual(wanted);
    expect((await up.kill("SIGTERM")).code).toBe(0);
  });

  test("kill -9 while a job runs: the next start runs it again", { timeout: 180_000 }, async ({ expect }) => {
    await using folder = cliFolder("up-killed");
    await using server = await startNodeGitServer(folder.path);
    const source = await createRepository(folder.join("source.git"));
    const target = await createRepository(folder.join("target.git"));
    await commit(source, "refs/heads/main", { a: "1" });
    const fetching = Promise.withResolvers<void>();
    server.intercept((request) => {
      if (request.isListing || !request.path.endsWith("upload-pack")) return undefined;
      fetching.resolve();
      return { type: "stall", at: 0 };
    });
    const config = fleetConfig(folder);
    await using first = startUp(folder, config);
    const { id } = await post(await addressOf(first), `${server.url}/source.git`, `${server.url}/target.git`);
    await fetching.promise;
    await first.kill("SIGKILL");
    server.intercept();

    await using second = startUp(folder, config);
    const address = await addressOf(second);
    const begun = performance.now();
    expect((await ended(address, id)).state).toBe("completed");
    expect(performance.now() - begun).toBeLessThan(45_000);
    expect(await refsOf(target)).toEqual(await refsOf(source));
    expect((await second.kill("SIGTERM")).code).toBe(0);
  });

  test(
    "a running job may end by itself when the process is told to end",
    { timeout: 120_000 },
    async ({ expect }) => {
      await using folder = cliFolder("up-ended");
      await using server = await startNodeGitServer(folder.path);
      await commit(await createRepository(folder.join("source.git")), "refs/heads/main", { a: "1" });
      await createRepository(folder.join("target.git"));
      server.intercept(({ isListing, service }) =>
        !isListing && service === "git-upload-pack" ? { type: "drip", bytes: 1, everyMs: 8 } : undefined,
      );
      const config = fleetConfig(folder);
      await using up = startUp(folder, config);
      const address = await addressOf(up);
      const { id } = await post(address, `${server.url}/source.git`, `${server.url}/target.git`);
      await expect
        .poll(async () => (await (await fetch(`${address}/v1/jobs/${id}`)).json()) as Job, {
          timeout: 20_000,
        })
        .toMatchObject({ state: "active" });
      expect((await up.kill("SIGTERM")).code).toBe(0);
      await using next = startUp(folder, config);
      expect((await ended(await addressOf(next), id)).state).toBe("completed");
    },
  );

  test(
    "a fleet reaches what its configuration allows, and nothing else",
    { timeout: 120_000 },
    async ({ expect }) => {
      await using folder = cliFolder("up-egress");
      await using server = await startNodeGitServer(folder.path);
      await commit(await createRepository(folder.join("source.git")), "refs/heads/main", { a: "1" });
      const source = `${server.url}/source.git`;
      for (const [egress, sourceUrl, target, code] of [
        ["{ schemes: [http] }", source, `${server.url}/t.git`, "EGRESS_DENIED"],
        [
          "{ schemes: [https], allow: [{ cidr: 127.0.0.0/8 }] }",
          source,
          `${server.url}/t.git`,
          "EGRESS_DENIED",
        ],
        [
          "{ schemes: [http, file], allow: [{ cidr: 127.0.0.0/8 }] }",
          source,
          folder.join("t.git"),
          "EGRESS_DENIED",
        ],
        [
          `{ schemes: [http], allow: [{ cidr: 127.0.0.0/8 }], paths: [${folder.join("allowed")}] }`,
          source,
          folder.join("t.git"),
          "EGRESS_DENIED",
        ],
        [
          `{ schemes: [http], allow: [{ cidr: 127.0.0.0/8 }], paths: [${folder.path}] }`,
          source,
          folder.join("t.git"),
          undefined,
        ],
      ] as const) {
        await using up = startUp(folder, fleetConfig(folder, egress));
        const address = await addressOf(up);
        const job = await ended(address, (await post(address, sourceUrl, target)).id);
        expect(job.error?.code, egress).toBe(code);
        expect(job.state).toBe(code === undefined ? "completed" : "failed");
        await up.kill("SIGTERM");
      }
    },
  );
});

describeWith(["git", "postgres"], "what keeps a process of the fleet from starting", () => {
  test("listening beyond this machine without a token: exit 2", async ({ expect }) => {
    await using folder = cliFolder("up-listen");
    const outcome = await runCli(["gateway", "--listen", "0.0.0.0:0"], { folder: folder.path });
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toContain(
      "error: Cannot listen on 0.0.0.0 without an API token [LISTEN_NEEDS_TOKEN]",
    );
    const env = { GITSYNC_API_TOKEN: "canary-api-token" };
    await using gateway = startCli(["gateway", "--listen", "0.0.0.0:0"], { folder: folder.path, env });
    const { port } = new URL(await addressOf(gateway));
    expect((await fetch(`http://127.0.0.1:${port}/v1/jobs`)).status).toBe(401);
    const headers = { authorization: "Bearer canary-api-token" };
    expect((await fetch(`http://127.0.0.1:${port}/v1/jobs`, { headers })).status).toBe(200);
    expect((await gateway.kill("SIGTERM")).code).toBe(0);
    expect(gateway.output.stderr).not.toContain("canary");
  });

  test("a configuration with faults: every fault, exit 2", async ({ expect }) => {
    await using folder = cliFolder("up-config");
    writeFileSync(
      folder.join("mirrors.yaml"),
      "version: 2\nadhoc: maybe\negress: { allow: [{ cidr: nonsense }] }\n",
    );
    const outcome = await runCli(["worker", "--config", "mirrors.yaml"], { folder: folder.path });
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toContain("[CONFIG_INVALID]");
    for (const fault of ["version", "adhoc", "cidr"]) expect(outcome.stderr).toContain(fault);
  });

  test("a changed configuration is in force after SIGHUP; one with faults changes nothing", async ({
    expect,
  }) => {
    await using folder = cliFolder("up-reload");
    const config = fleetConfig(folder);
    await using up = startUp(folder, config);
    const address = await addressOf(up);
    writeFileSync(config, "version: 1\nadhok: false\n");
    up.signal("SIGHUP");
    expect(await up.waitForLine(/Configuration not changed/u)).toContain("adhok: is not known");
    const request = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
    expect((await fetch(`${address}/v1/jobs`, request)).status).toBe(400);
    writeFileSync(config, "version: 1\n");
    up.signal("SIGHUP");
    await up.waitForLine(/Configuration changed/u);
    expect((await fetch(`${address}/v1/jobs`, request)).status).toBe(403);
    expect((await up.kill("SIGTERM")).code).toBe(0);
  });

  test("an address that is in use: exit 1", async ({ expect }) => {
    await using folder = cliFolder("up-in-use");
    await using first = startUp(folder, fleetConfig(folder));
    const { host } = new URL(await addressOf(first));
    const outcome = await runCli(["gateway", "--listen", host], { folder: folder.path });
    expect(outcome).toMatchObject({ code: 1, stdout: "" });
    expect(outcome.stderr).toContain("[LISTEN_FAILED]");
    await first.kill("SIGTERM");
  });
});
