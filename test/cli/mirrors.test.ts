import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { ROOT } from "../check/repository.ts";
import type { TemporaryFolder } from "../support/temporary-folder.ts";
import { cliFolder, documentOf, runCli, type CliOutcome } from "./git-sync.ts";

let folder: TemporaryFolder;
beforeAll(() => {
  folder = cliFolder("mirrors");
});
afterAll(() => folder[Symbol.asyncDispose]());

const run = (...args: readonly string[]): Promise<CliOutcome> => runCli(args, { folder: folder.path });

const EXAMPLE = join(ROOT, "docs/examples/mirrors.yaml");

describe("git-sync mirrors", () => {
  test("the documented example is without faults", async ({ expect }) => {
    const outcome = await run("mirrors", "check", "--config", EXAMPLE);
    expect(outcome).toMatchObject({ code: 0, stdout: `${EXAMPLE}: 2 mirrors, 2 routes, no faults\n` });
    const json = await run("mirrors", "check", "--config", EXAMPLE, "--json");
    expect(documentOf(json)).toMatchObject({
      files: [EXAMPLE],
      mirrors: 2,
      routes: ["docs/backup", "tools/backup"],
    });
  });

  test("every fault is listed, with status 2", async ({ expect }) => {
    const file = join(folder.path, "mirrors.yaml");
    await writeFile(file, "version: 1\nadhok: true\nhosts: { a.example: { maxConcurrent: 0 } }\n");
    const outcome = await run("mirrors", "check", "--config", file);
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toContain("line 2, adhok: is not known");
    expect(outcome.stderr).toContain("line 3, hosts.a.example.maxConcurrent: must be at least 1");
  });

  test("the schema is JSON Schema that names the top-level keys", async ({ expect }) => {
    const schema = documentOf(await run("mirrors", "schema"));
    expect(schema).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      properties: { mirrors: { type: "array" }, credentials: { type: "object" } },
    });
  });

  test("a process of the fleet refuses what it would not act on", async ({ expect }) => {
    const outcome = await run("worker", "--config", EXAMPLE);
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toContain("mirrors: is understood, but nothing acts on it in this version");
  });
});
