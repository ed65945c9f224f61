import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { outcomeOf, nodeCommand, startProcess } from "../support/process.ts";
import { commit, createRepository, refsOf, tag } from "../support/repository.ts";
import type { TemporaryFolder } from "../support/temporary-folder.ts";
import { BIN, cliFolder, documentOf, runCli, type CliOutcome } from "./git-sync.ts";

interface Run {
  readonly targetPath: string;
  readonly wallMillis: number;
  readonly gitWallMillis?: number;
  readonly result?: { readonly counts: { readonly applied: number } };
}

let folder: TemporaryFolder;
let source: string;
beforeAll(async () => {
  folder = cliFolder("bench");
  source = await createRepository(folder.join("source.git"));
  await tag(source, "v1", await commit(source, "refs/heads/main", { a: "1" }), "One");
});
afterAll(() => folder[Symbol.asyncDispose]());

const run = (...args: readonly string[]): Promise<CliOutcome> =>
  runCli(["bench", ...args], { folder: folder.path });

describe("git-sync bench", () => {
  test("measures each run into a target of its own, beside git, and leaves nothing", async ({ expect }) => {
    const outcome = await run("--repeat", "2", "--compare-git", "--json", source);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    const report = documentOf(outcome);
    expect(report).toMatchObject({
      scenario: "bootstrap",
      repeat: 2,
      aggregate: { successfulRuns: 2, failedRuns: 0, timeThroughGit: expect.any(Number) },
      runs: [{ result: { counts: { applied: 2 } } }, { result: { counts: { applied: 2 } } }],
    });
    const runs = report["runs"] as readonly Run[];
    expect(new Set(runs.map(({ targetPath }) => targetPath)).size).toBe(2);
    for (const { wallMillis, gitWallMillis } of runs) {
      expect(wallMillis).toBeGreaterThan(0);
      expect(gitWallMillis).toBeGreaterThan(0);
    }
    expect(existsSync(String(report["workDir"]))).toBe(false);
  });

  test("keeps the targets when asked to, in the folder that is named", async ({ expect }) => {
    const workDir = folder.join("kept");
    const outcome = await run(
      "--repeat",
      "1",
      "--scenario",
      "sync",
      "--keep-targets",
      "--work-dir",
      workDir,
      source,
    );
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout).toMatch(
      /^run 1 {2}\d+\.\d\d s {2}peak .*\nsync: 1 of 1 runs succeeded \(.*\)\ntargets: /u,
    );
    const [target = ""] = await readdir(workDir);
    expect(await refsOf(join(workDir, target))).toEqual(await refsOf(source));
  });

  test("a run that fails is told with its reason: exit 1", async ({ expect }) => {
    const outcome = await run("--repeat", "2", folder.join("nowhere.git"));
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toMatch(
      /^run 1 .* failed: .* \[[A-Z_]+\]\nrun 2 .*\nbootstrap: 0 of 2 runs succeeded\n$/u,
    );
  });

  test("a number that is none is bad usage", async ({ expect }) => {
    const outcome = await run("--repeat", "0", source);
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toContain("flag --repeat needs a number from 1 to 1000");
  });

  test("git-sync-bench is the same command", async ({ expect }) => {
    await using running = startProcess(nodeCommand, [join(BIN, "../git-sync-bench.js"), "--help"], {
      cwd: folder.path,
      env: {},
    });
    const { code, stdout } = await outcomeOf(running);
    expect(code).toBe(0);
    expect(stdout).toContain("Usage: git-sync bench");
  });
});
