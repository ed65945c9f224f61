import { spawnSync } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { noise } from "../support/noise.ts";
import { commit, createRepository, refsOf, tag } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import type { TemporaryFolder } from "../support/temporary-folder.ts";
import { BIN, cliFolder, documentOf, runCli, type CliOutcome } from "./git-sync.ts";

describeWith(["git"], "sync, replicate, plan and probe run in this process", () => {
  let folder: TemporaryFolder;
  beforeAll(() => {
    folder = cliFolder("run-now");
  });
  afterAll(() => folder[Symbol.asyncDispose]());
  // No queue can be opened here: none of these commands may need one.
  const run = (...args: readonly string[]): Promise<CliOutcome> =>
    runCli(args, { folder: folder.path, env: { GITSYNC_QUEUE_URL: "redis://127.0.0.1:1" } });

  /** Two repositories whose `main` went apart; `topic` is new at the source. */
  async function diverged(name: string): Promise<readonly [source: string, target: string]> {
    const source = await createRepository(folder.join(`${name}-source.git`));
    const target = await createRepository(folder.join(`${name}-target.git`));
    const tip = await commit(source, "refs/heads/main", { a: "1" });
    await commit(source, "refs/heads/topic", { b: "1" });
    await tag(source, "v1", tip);
    await commit(target, "refs/heads/main", { c: "1" });
    return [source, target];
  }

  test("sync blocks what is no fast-forward, pushes nothing, exit 3, and tells all with --json", async ({
    expect,
  }) => {
    const [source, target] = await diverged("blocked");
    const before = await refsOf(target);
    const [text, json] = [await run("sync", source, target), await run("sync", source, target, "--json")];
    expect(text.code).toBe(3);
    expect(text.stdout).toMatch(
      /^block {3}refs\/heads\/main {3}[0-9a-f]{8}\.\.[0-9a-f]{8} {2}.*\[not-fast-forward\]$/mu,
    );
    expect(text.stdout).toMatch(/^summary: 1 blocked/mu);
    expect(text.stderr).toMatch(/^error: .+ \[REFS_BLOCKED\]\nremedy: .+\n$/u);
    expect(json.code).toBe(3);
    expect(documentOf(json)).toMatchObject({
      counts: { applied: 0, blocked: 1 },
      error: { code: "REFS_BLOCKED", retryable: false },
      refs: expect.arrayContaining([expect.objectContaining({ action: "block", code: "not-fast-forward" })]),
    });
    expect(await refsOf(target)).toEqual(before);
  });

  test("--best-effort goes on without it; --force-with-lease overwrites; replicate needs no word", async ({
    expect,
  }) => {
    const [source, target] = await diverged("forced");
    const effort = await run("sync", source, target, "--best-effort");
    expect(effort.code).toBe(3);
    expect([...(await refsOf(target)).keys()]).toEqual(["refs/heads/main", "refs/heads/topic"]);
    expect(await run("sync", source, target, "--force-with-lease")).toMatchObject({ code: 0, stderr: "" });
    expect(await run("replicate", source, target, "--tags")).toMatchObject({ code: 0, stderr: "" });
    expect(await refsOf(target)).toEqual(await refsOf(source));
  });

  test("plan says it and changes nothing: exit 3 with blocks, 0 without", async ({ expect }) => {
    const [source, target] = await diverged("planned");
    const before = await refsOf(target);
    expect((await run("plan", source, target)).code).toBe(3);
    const replicate = await run("plan", "--mode", "replicate", "--tags", source, target);
    expect(replicate).toMatchObject({ code: 0, stderr: "" });
    expect(replicate.stdout).toMatch(/^plan: 3 planned \(replicate, v2, relay/mu);
    const document = documentOf(await run("plan", "--mode=replicate", source, target, "--json"));
    expect(document).toMatchObject({ execution: { dryRun: true, operationMode: "replicate" } });
    expect(await refsOf(target)).toEqual(before);
  });

  test("scope flags choose the refs", async ({ expect }) => {
    const [source] = await diverged("scope");
    const target = folder.join("scope-new.git");
    expect(
      await run("sync", source, target, "--branch", "topic,main", "--exclude-ref", "refs/heads/main"),
    ).toMatchObject({ code: 0 });
    expect([...(await refsOf(target)).keys()]).toEqual(["refs/heads/topic"]);
    expect(await run("sync", source, target, "--map", "main:renamed")).toMatchObject({ code: 0 });
    expect([...(await refsOf(target)).keys()]).toEqual(["refs/heads/renamed", "refs/heads/topic"]);
  });

  test("--stats and --measure-memory add lines, without them there are none", async ({ expect }) => {
    const [source] = await diverged("measured");
    const plain = await run("replicate", source, folder.join("m1.git"));
    expect(plain.stdout).not.toMatch(/^(?:stats|measurement):/mu);
    const measured = await run("replicate", source, folder.join("m2.git"), "--stats", "--measure-memory");
    expect(measured.stdout).toMatch(/^stats: .+: requests=\d+ /mu);
    expect(measured.stdout).toMatch(/^measurement: elapsed-ms=\d+ peak-rss-bytes=[1-9]/mu);
  });

  test("--max-pack-bytes is a limit", async ({ expect }) => {
    const [source] = await diverged("limit");
    const outcome = await run("sync", source, folder.join("limit.git"), "--max-pack-bytes", "20", "--json");
    expect(outcome.code).toBe(1);
    expect(documentOf(outcome)).toMatchObject({ error: { code: "PACK_LIMIT" } });
  });

  test("a run in parts ends with 3 for a refused ref, and with 0 for what it could not clear away", async ({
    expect,
  }) => {
    const source = await createRepository(folder.join("parts-source.git"));
    const target = await createRepository(folder.join("parts-target.git"));
    for (let n = 0; n < 4; n += 1)
      await commit(source, "refs/heads/main", { [`f${n}`]: noise(20_000, `${n}`) });
    await commit(source, "refs/heads/late", { a: "1" });
    const hook = join(target, "hooks/update");
    await mkdir(join(target, "hooks"), { recursive: true });
    await writeFile(hook, '#!/bin/sh\ncase "$1" in */late) exit 1;; esac\n', { mode: 0o755 });
    const args = ["replicate", source, target, "--target-max-pack-bytes", "50000"];
    const effort = await run(...args, "--best-effort");
    expect(effort).toMatchObject({ code: 3, stderr: "" });
    expect(effort.stdout).toMatch(/^warn {4}refs\/heads\/late .*\[hook-declined\]$/mu);
    expect(effort.stdout).toMatch(/^summary: 1 applied, 1 refused, 1 warned \(replicate, v2, batched/mu);
    expect(await run(...args)).toMatchObject({ code: 3, stderr: expect.stringContaining("REFS_REFUSED") });
    expect([...(await refsOf(target)).keys()]).toEqual(["refs/heads/main"]);

    const other = await createRepository(folder.join("parts-other.git"));
    const keeping = join(other, "hooks/update");
    const lines = ['case "$1$3" in refs/gitsync/*[!0]) ;; refs/gitsync/*) exit 1;; esac'];
    await mkdir(join(other, "hooks"), { recursive: true });
    await writeFile(keeping, ["#!/bin/sh", ...lines, ""].join("\n"), { mode: 0o755 });
    const again = ["replicate", source, other, "--target-max-pack-bytes", "50000"];
    const left = await run(...again);
    expect(left).toMatchObject({ code: 0, stderr: "" });
    expect(left.stdout).toMatch(
      /^left at the target until the next run: refs\/gitsync\/.*\[hook-declined\]$/mu,
    );
    await rm(keeping);
    expect((await run(...again)).stdout).not.toContain("left at the target");
    expect(await refsOf(other)).toEqual(await refsOf(source));
  });

  test("probe lists refs and capabilities", async ({ expect }) => {
    const [source, target] = await diverged("probed");
    const text = await run("probe", source, target, "--tags");
    expect(text).toMatchObject({ code: 0, stderr: "" });
    expect(text.stdout).toMatch(/^protocol: +v2 \(asked: auto\)$/mu);
    expect(text.stdout).toMatch(/^target-capabilities: .*report-status/mu);
    expect(text.stdout).toMatch(/^[0-9a-f]{40} refs\/tags\/v1$/mu);
    const told = await run("probe", source, "--stats", "--measure-memory");
    expect(told.stdout).toMatch(/^stats: source .*: requests=\d/mu);
    expect(told.stdout).toMatch(/^measurement: elapsed-ms=\d+ peak-rss-bytes=[1-9]/mu);
    const json = documentOf(await run("probe", source, "--json", "--protocol", "v1"));
    expect(json).toMatchObject({ requestedMode: "v1", objectFormat: "sha1", refs: expect.any(Array) });
    expect(json["targetUrl"]).toBeUndefined();
  });

  test("an unreachable host is told at once: exit 1 and a document", async ({ expect }) => {
    const url = `http://127.0.0.1:${await freePort()}/a.git`;
    const commands = [
      ...["sync", "replicate", "plan", "bootstrap"].map((name) => [name, url, "x.git"]),
      ...["probe", "fetch"].map((name) => [name, url]),
    ];
    const outcomes = await Promise.all(commands.map((command) => run(...command, "--json")));
    for (const outcome of outcomes) {
      expect(outcome.code).toBe(1);
      expect(documentOf(outcome)).toMatchObject({ error: { code: "REMOTE_UNREACHABLE", retryable: true } });
    }
  });

  test("a reader that goes away is no failure", async ({ expect }) => {
    const [source] = await diverged("pipe");
    const script = `"$0" "$1" probe "$2" | head -c 1 >/dev/null; echo "\${PIPESTATUS[0]}"`;
    const shell = spawnSync("bash", ["-c", script, process.execPath, BIN, source], { encoding: "utf8" });
    expect(shell).toMatchObject({ stdout: "0\n", stderr: "" });
  });
});
