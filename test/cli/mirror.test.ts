import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { git } from "../support/git.ts";
import { startNodeGitServer, type HttpIntercept } from "../support/git-server.ts";
import { startRedis } from "../support/redis.ts";
import { commit, createRepository, fsck, headOf, refsOf, setRef, tag } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import type { TemporaryFolder } from "../support/temporary-folder.ts";
import { cliFolder, documentOf, runCli, startCli, type CliOutcome } from "./git-sync.ts";

describeWith(["git", "postgres"], "mirror on the embedded queue", () => {
  let folder: TemporaryFolder;
  beforeAll(() => {
    folder = cliFolder("mirror");
  });
  afterAll(() => folder[Symbol.asyncDispose]());
  const mirror = (...args: readonly string[]): Promise<CliOutcome> =>
    runCli(["mirror", ...args], { folder: folder.path });

  /** A work tree with two branches and two tags, as a person has it. */
  async function workTree(name: string): Promise<string> {
    const path = folder.join(name);
    await git(["init", "--quiet", "--initial-branch=trunk", path]);
    await git(["commit", "--quiet", "--allow-empty", "--message=one"], { cwd: path });
    await git(["branch", "topic"], { cwd: path });
    await git(["tag", "v1"], { cwd: path });
    await git(["tag", "--annotate", "--message=second", "v2"], { cwd: path });
    return path;
  }

  test("the main job: this repository into a new bare one, then nothing, then one commit", async ({
    expect,
  }) => {
    const source = await workTree("main-job");
    const target = folder.join("backup.git");

    const first = await runCli(["mirror", ".", "../backup.git"], { folder: folder.path, cwd: source });
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toMatch(/^create {2}refs\/heads\/topic +- +\.\.[0-9a-f]{8} {2}\S.*$/mu);
    expect(first.stdout).toMatch(/^summary: 4 applied \(replicate, v2, relay, [\d.]+ kB\)\n$/mu);
    expect(await refsOf(target)).toEqual(await refsOf(source));
    expect(await headOf(target)).toBe("refs/heads/trunk");
    await fsck(target);

    const second = await runCli(["mirror", ".", "../backup.git"], { folder: folder.path, cwd: source });
    expect(second).toMatchObject({ code: 0, stderr: "" });
    expect(second.stdout).toMatch(/^nothing to do: 4 refs already equal \(.*\)\n$/u);

    await git(["commit", "--quiet", "--allow-empty", "--message=two"], { cwd: source });
    const third = await runCli(["mirror", ".", "../backup.git", "-v"], { folder: folder.path, cwd: source });
    expect(third).toMatchObject({ code: 0 });
    const lines = third.stdout.trimEnd().split("\n");
    expect(lines.filter((line) => line.startsWith("update "))).toEqual([
      expect.stringContaining("refs/heads/trunk"),
    ]);
    expect(lines.filter((line) => line.startsWith("skip "))).toHaveLength(3);
    expect(lines.at(-1)).toMatch(/^summary: 1 applied, 3 unchanged/u);
    expect(await refsOf(target)).toEqual(await refsOf(source));
  });

  test("--json is one document with the library's names", async ({ expect }) => {
    const source = await workTree("json");
    const outcome = await mirror(source, folder.join("json.git"), "--json");
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(documentOf(outcome)).toMatchObject({
      refs: expect.arrayContaining([
        expect.objectContaining({
          targetRef: "refs/heads/trunk",
          action: "create",
          outcome: "applied",
          targetHash: "",
        }),
      ]),
      counts: { applied: 4, skipped: 0, blocked: 0, deleted: 0, warned: 0, refused: 0, unknown: 0 },
      execution: { dryRun: false, operationMode: "replicate", transferMode: "relay", converged: true },
      job: {
        id: expect.any(String),
        route: expect.stringMatching(/^adhoc-/u),
        outcome: "converged",
        attempt: 1,
      },
    });
  });

  test("replicates: overwrites, keeps what the source lacks, deletes only with --prune", async ({
    expect,
  }) => {
    const source = await createRepository(folder.join("overwrite-source.git"));
    const target = await createRepository(folder.join("overwrite-target.git"));
    const tip = await commit(source, "refs/heads/main", { a: "1" });
    await commit(target, "refs/heads/main", { b: "2" });
    const own = await commit(target, "refs/heads/own", { c: "3" });

    expect(await mirror(source, target)).toMatchObject({ code: 0 });
    expect(await refsOf(target)).toEqual(
      new Map([
        ["refs/heads/main", tip],
        ["refs/heads/own", own],
      ]),
    );
    const pruned = await mirror(source, target, "--prune");
    expect(pruned).toMatchObject({ code: 0 });
    expect(pruned.stdout).toMatch(/^delete {2}refs\/heads\/own +[0-9a-f]{8}\.\.-/mu);
    expect(await refsOf(target)).toEqual(await refsOf(source));
  });

  test("a ref that the target refuses is named, the others arrive, exit 3", async ({ expect }) => {
    const source = await createRepository(folder.join("refused-source.git"));
    const tip = await commit(source, "refs/heads/main", { a: "1" });
    await setRef(source, "refs/heads/secret", tip);
    const target = await createRepository(folder.join("refused-target.git"), {
      config: { "receive.hideRefs": "refs/heads/secret" },
    });
    const [text, json] = [await mirror(source, target), await mirror(source, target, "--json")];
    expect(text.code).toBe(3);
    expect(text.stdout).toMatch(/^warn {4}refs\/heads\/secret .*\[hidden-ref\]$/mu);
    expect(await refsOf(target)).toEqual(new Map([["refs/heads/main", tip]]));
    expect(json.code).toBe(3);
    expect(documentOf(json)).toMatchObject({ counts: { warned: 1 }, execution: { converged: false } });
  });

  test("more refs than a stored report holds are all told", async ({ expect }) => {
    const source = await createRepository(folder.join("many.git"));
    const tip = await commit(source, "refs/heads/main", { a: "1" });
    for (let index = 0; index < 250; index += 1) await setRef(source, `refs/heads/b${index}`, tip);
    const outcome = await mirror(source, folder.join("many-target.git"), "--json");
    expect(documentOf(outcome)).toMatchObject({ counts: { applied: 251 } });
    expect(documentOf(outcome)["refs"]).toHaveLength(251);
    expect(documentOf(outcome)["truncated"]).toBeUndefined();
  });

  test.for<
    readonly [title: string, source: string | ((url: string) => string), code: string, status: number]
  >([
    ["a folder that is no repository", "/", "NOT_A_REPOSITORY", 1],
    ["a path that is not there", "/nonexistent/a.git", "NOT_A_REPOSITORY", 1],
    ["404", (url) => `${url}/missing.git`, "NOT_FOUND", 1],
    ["an HTML page", (url) => `${url}/page`, "NOT_A_REPOSITORY", 1],
  ])("%s: one error, exit status, and a document", async ([title, source, code, status], { expect }) => {
    await using site = await startSite();
    const address = typeof source === "string" ? source : source(site.url);
    const target = folder.join(`error-${title.replaceAll(" ", "-")}.git`);
    const [text, json] = [await mirror(address, target), await mirror(address, target, "--json")];
    expect(text).toMatchObject({ code: status, stdout: "" });
    expect(text.stderr).toMatch(new RegExp(`^error: .+ \\[${code}\\]\nremedy: .+\n$`, "u"));
    expect(json.code).toBe(status);
    expect(documentOf(json)).toMatchObject({ error: { code, remedy: expect.stringMatching(/./u) } });
  });

  test("a host that nobody can reach: tried again a few times, then given up", async ({ expect }) => {
    const target = folder.join("unreachable.git");
    const outcome = await mirror(`http://127.0.0.1:${await freePort()}/a.git`, target, "--json");
    expect(outcome.code).toBe(1);
    expect(documentOf(outcome)).toMatchObject({ error: { code: "REMOTE_UNREACHABLE", retryable: true } });
    expect(outcome.stderr).toMatch(/^attempt 1 failed: .+; trying again$/mu);
  });

  test("Ctrl-C ends it within seconds: exit 130, no stack trace, and the next run heals", async ({
    expect,
  }) => {
    const source = await workTree("interrupted");
    await using server = await startNodeGitServer(folder.path);
    server.intercept(stallFetch());
    const target = folder.join("interrupted.git");
    const url = `${server.url}/interrupted/.git`;
    await using running = startCli(["mirror", url, target, "--progress"], { folder: folder.path });
    await running.waitForLine(/fetching/u);
    const begun = performance.now();
    running.signal("SIGINT");
    running.signal("SIGINT"); // As npm and the terminal send it: one key, two signals.
    const exit = await running.exited;
    expect(exit).toEqual({ code: 130, signal: null });
    expect(performance.now() - begun).toBeLessThan(8_000);
    expect(running.output.stdout).toBe("");
    expect(running.output.stderr).not.toMatch(/^ {4}at /mu);
    expect(running.output.stderr).toContain("error: Interrupted [ABORTED]");

    server.intercept();
    expect(await mirror(url, target)).toMatchObject({ code: 0 });
    expect(await refsOf(target)).toEqual(await refsOf(source));
  });

  test(
    "kill -9 in the middle: the next run starts the queue again and finishes the job",
    { timeout: 180_000 },
    async ({ expect }) => {
      const source = await workTree("killed");
      await using server = await startNodeGitServer(folder.path);
      server.intercept(stallFetch());
      const url = `${server.url}/killed/.git`;
      const target = folder.join("killed.git");
      await using running = startCli(["mirror", url, target, "--progress"], { folder: folder.path });
      await running.waitForLine(/fetching/u);
      await running.kill("SIGKILL");
      server.intercept();
      expect(await mirror(url, target)).toMatchObject({ code: 0, stderr: "" });
      expect(await refsOf(target)).toEqual(await refsOf(source));
    },
  );

  test("two processes share the queue of one directory", async ({ expect }) => {
    const sources = await Promise.all(["first", "second", "third"].map(workTree));
    const outcomes = await Promise.all(sources.map((source) => mirror(source, `${source}-copy.git`)));
    for (const [index, outcome] of outcomes.entries()) {
      expect(outcome).toMatchObject({ code: 0, stderr: "" });
      expect(await refsOf(`${sources[index]}-copy.git`)).toEqual(await refsOf(sources[index] ?? ""));
    }
    // The same target twice at once: one run at a time, both are answered.
    const again = await Promise.all([
      mirror(sources[0] ?? "", folder.join("same.git")),
      mirror(sources[0] ?? "", folder.join("same.git")),
    ]);
    expect(again.map(({ code }) => code)).toEqual([0, 0]);
    await fsck(folder.join("same.git"));
  });

  test("secrets of flags and environment are in no output", async ({ expect }) => {
    await using server = await startNodeGitServer(folder.path, {
      auth: { username: "git", password: "canary-right" },
    });
    const url = `${server.url}/nothing.git`;
    const env = { GITSYNC_SOURCE_TOKEN: "canary-env" };
    for (const args of [
      [url, "x.git"],
      [url, "x.git", "--source-token=canary-flag"],
      [url, "x.git", "--json"],
    ]) {
      const outcome = await runCli(["mirror", ...args], { folder: folder.path, env });
      expect(outcome.code).toBe(1);
      expect(outcome.stdout + outcome.stderr).toMatch(/AUTH_DENIED/u);
      expect(outcome.stdout + outcome.stderr).not.toContain("canary");
    }
  });

  test("a token of the environment opens the source", async ({ expect }) => {
    const source = await createRepository(folder.join("private.git"));
    await commit(source, "refs/heads/main", { a: "1" });
    await tag(source, "v1", "refs/heads/main");
    await using server = await startNodeGitServer(folder.path, {
      auth: { username: "git", password: "canary-right" },
    });
    const outcome = await runCli(["mirror", `${server.url}/private.git`, "private-copy.git"], {
      folder: folder.path,
      env: { GITSYNC_SOURCE_TOKEN: "canary-right" },
    });
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(await refsOf(folder.join("private-copy.git"))).toEqual(await refsOf(source));
  });

  test("it leaves no process and no foreign file behind", async ({ expect }) => {
    const source = await workTree("clean");
    await mirror(source, folder.join("clean.git"));
    expect(readdirSync(source).toSorted()).toEqual([".git"]);
  });
});

describeWith(["git", "redis"], "mirror on Redis", () => {
  test("a job that another worker takes is reported all the same", async ({ expect }) => {
    await using folder = cliFolder("mirror-redis");
    await using redis = await startRedis();
    await using server = await startNodeGitServer(folder.path);
    const source = await createRepository(folder.join("source.git"));
    const target = await createRepository(folder.join("target.git"));
    await commit(source, "refs/heads/main", { a: "1" });
    const config = await fleetConfig(folder);
    const env = { GITSYNC_QUEUE_URL: redis.url };
    await using worker = startCli(["worker", "--config", config], { folder: folder.path, env });
    await worker.waitForLine(/Worker takes jobs/u);
    for (let round = 0; round < 4; round += 1) {
      const tip = await commit(source, "refs/heads/main", { a: String(round + 2) });
      const args = ["mirror", `${server.url}/source.git`, `${server.url}/target.git`];
      const outcome = await runCli(args, { folder: folder.path, env });
      expect(outcome).toMatchObject({ code: 0, stderr: "" });
      expect(outcome.stdout).toContain("refs/heads/main");
      expect((await refsOf(target)).get("refs/heads/main")).toBe(tip);
    }
    expect((await worker.kill("SIGTERM")).code).toBe(0);
  });
});

/** A configuration that lets a worker of the fleet reach the servers of the tests. */
async function fleetConfig(folder: TemporaryFolder): Promise<string> {
  const path = folder.join("mirrors.yaml");
  await writeFile(path, "version: 1\negress: { schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }\n");
  return path;
}

/** Lets the listing through (the first request to upload-pack) and answers no fetch. */
function stallFetch(): HttpIntercept {
  let requests = 0;
  return ({ path, isListing }) => {
    if (isListing || !path.endsWith("upload-pack")) return undefined;
    requests += 1;
    return requests > 1 ? { type: "stall", at: 0 } : undefined;
  };
}

/** A web site without git: one page, and nothing else. */
async function startSite(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    const isPage = request.url?.startsWith("/page") === true;
    response
      .writeHead(isPage ? 200 : 404, { "content-type": "text/html" })
      .end("<!doctype html><title>Hello</title>");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
