import { afterAll, beforeAll, describe, test } from "vitest";
import { commit, countObjects, createRepository, leftoversOf, refsOf, tag } from "../support/repository.ts";
import { startNginxGitServer } from "../support/git-server.ts";
import { noise } from "../support/noise.ts";
import { describeWith } from "../support/requirements.ts";
import type { TemporaryFolder } from "../support/temporary-folder.ts";
import { cliFolder, documentOf, runCli, type CliOutcome } from "./git-sync.ts";

let folder: TemporaryFolder;
let source: string;
let first: string;
let second: string;
beforeAll(async () => {
  folder = cliFolder("unstable");
  source = await createRepository(folder.join("source.git"));
  first = await commit(source, "refs/heads/main", { a: "1" });
  await tag(source, "v1", first, "One");
  second = await commit(source, "refs/heads/main", { a: "2" });
});
afterAll(() => folder[Symbol.asyncDispose]());

const run = (...args: readonly string[]): Promise<CliOutcome> => runCli(args, { folder: folder.path });

describe("git-sync bootstrap", () => {
  test("fills a target, and changes nothing that it has", async ({ expect }) => {
    const target = folder.join("filled.git");
    expect(await run("bootstrap", "--tags", source, target)).toMatchObject({ code: 0, stderr: "" });
    expect(await refsOf(target)).toEqual(await refsOf(source));
    const other = await commit(target, "refs/heads/main", { b: "1" }, { parents: [] });
    const again = await run("bootstrap", "--json", source, target);
    expect(again.code).toBe(3);
    expect(documentOf(again)).toMatchObject({
      error: { code: "REFS_BLOCKED" },
      refs: [{ targetRef: "refs/heads/main", action: "block", code: "already-exists" }],
    });
    expect((await refsOf(target)).get("refs/heads/main")).toBe(other);
  });
});

describe("git-sync fetch", () => {
  test("counts what is sent to whoever has nothing, and to whoever has something", async ({ expect }) => {
    const whole = documentOf(await run("fetch", "--json", "--branch", "main", source));
    expect(whole).toMatchObject({ wants: [{ name: "refs/heads/main", hash: second }], haves: [] });
    expect(whole["fetchedObjects"]).toBe(await countObjects(source, [second]));
    for (const have of [
      ["--have", first],
      ["--have-ref", "refs/tags/v1"],
    ]) {
      const some = documentOf(await run("fetch", "--json", "--branch", "main", ...have, source));
      expect(some["fetchedObjects"]).toBe(await countObjects(source, [second], [first]));
    }
  });

  test("says it as text, with requests and bytes where asked", async ({ expect }) => {
    const { code, stdout } = await run("fetch", "--stats", "--branch", "main", source);
    expect(code).toBe(0);
    expect(stdout).toContain("wants:    1\nhaves:    0\nfetched:  6 objects, ");
    expect(stdout).toContain(`want ${second} refs/heads/main\n`);
    expect(stdout).toMatch(/^stats: .*wants=1/mu);
  });
});

describeWith(["nginx"], "the limits of a target", () => {
  test("divide a first mirror: --target-max-pack-bytes, --bootstrap-strategy, --target-max-ref-updates", async ({
    expect,
  }) => {
    const root = folder.join("served");
    const large = await createRepository(`${root}/large.git`);
    for (let n = 0; n < 6; n += 1) {
      await commit(large, "refs/heads/main", { [`f${n}`]: noise(200_000, String(n)) });
    }
    const target = await createRepository(`${root}/target.git`);
    await using server = await startNginxGitServer({ root });
    const limits = [
      "--target-max-pack-bytes",
      "500k",
      "--bootstrap-strategy",
      "topo",
      "--target-max-ref-updates",
      "2",
    ];
    const outcome = await run(
      "sync",
      "--json",
      ...limits,
      `${server.url}/large.git`,
      `${server.url}/target.git`,
    );
    expect(outcome.code).toBe(0);
    const { execution } = documentOf(outcome) as { execution: { batch: { enabled: boolean; done: number } } };
    expect(execution.batch).toMatchObject({ enabled: true });
    expect(execution.batch.done).toBeGreaterThan(2);
    expect(await refsOf(target)).toEqual(await refsOf(large));
    expect(await leftoversOf(target)).toEqual([]);
  });

  test.for([
    ["--target-max-pack-bytes", "lots", "flag --target-max-pack-bytes needs a number of bytes"],
    ["--target-max-ref-updates", "0", "flag --target-max-ref-updates needs a number from 1 up"],
    ["--bootstrap-strategy", "random", "--bootstrap-strategy"],
  ] as const)("%s %s is bad usage", async ([flag, value, message], { expect }) => {
    const outcome = await run("sync", flag, value, source, folder.join("unused.git"));
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toContain(message);
  });
});
