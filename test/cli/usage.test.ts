import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { TemporaryFolder } from "../support/temporary-folder.ts";
import { cliFolder, documentOf, runCli, type CliOutcome } from "./git-sync.ts";

let folder: TemporaryFolder;
beforeAll(() => {
  folder = cliFolder("usage");
});
afterAll(() => folder[Symbol.asyncDispose]());

const run = (...args: readonly string[]): Promise<CliOutcome> => runCli(args, { folder: folder.path });

describe("a command line that cannot be obeyed", () => {
  test.for<readonly [args: readonly string[], error: string]>([
    [["mirrr"], 'error: unknown command "mirrr"; did you mean mirror? [USAGE]'],
    [["mirror"], "error: source is missing [USAGE]"],
    [["mirror", "a"], "error: target is missing [USAGE]"],
    [["mirror", "a", "b", "c"], 'error: unexpected argument "c": source and target are already set [USAGE]'],
    [["sync", "a", "b", "--force"], "error: unknown flag --force; did you mean --force-with-lease? [USAGE]"],
    [
      ["sync", "a", "b", "--forse-with-lease"],
      "error: unknown flag --forse-with-lease; did you mean --force-with-lease? [USAGE]",
    ],
    [["sync", "a", "b", "--map", "nothing"], 'error: flag --map needs SRC:DST, not "nothing" [USAGE]'],
    [
      ["sync", "a", "b", "--max-deletes", "101%"],
      "error: flag --max-deletes needs a number, a percentage, or both as N,P% [USAGE]",
    ],
    [
      ["sync", "a", "b", "--max-pack-bytes", "lots"],
      "error: flag --max-pack-bytes needs a number of bytes, or one with k, m or g [USAGE]",
    ],
    [["replicate", "a", "b", "--force-with-lease"], "error: unknown flag --force-with-lease [USAGE]"],
    [["jobs", "shwo"], 'error: unknown action "shwo"; did you mean show? [USAGE]'],
    [["jobs", "show"], "error: jobs show needs the ID of a job [USAGE]"],
    [["worker", "x"], 'error: unexpected argument "x": worker takes none [USAGE]'],
    [["up", "--concurrency", "none"], "error: flag --concurrency needs a number from 1 to 1000 [USAGE]"],
  ])("%j", async ([args, error], { expect }) => {
    const outcome = await run(...args);
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    const [first, second, ...rest] = outcome.stderr.split("\n");
    expect(first).toBe(error);
    expect(second).toMatch(/^remedy: /u);
    if (args[0] !== "mirrr") expect(rest.join("\n")).toContain(`Usage: git-sync ${args[0]} `);
    expect(outcome.stderr).not.toContain("    at ");
  });

  test("no command at all prints the help on standard error", async ({ expect }) => {
    const outcome = await run();
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toContain("Usage: git-sync <command>");
  });
});

describe("a request that cannot be served", () => {
  test.for<readonly [title: string, source: string, target: string, code: string]>([
    ["malformed URL", "https://exa mple.com/a.git", "b.git", "URL_INVALID"],
    ["malformed target", "a.git", "http://[::1/b.git", "URL_INVALID"],
    ["userinfo", "https://user:hunter2@example.com/a.git", "b.git", "URL_INVALID"],
    ["user name only", "a.git", "https://hunter2@example.com/b.git", "URL_INVALID"],
    ["same path", "a.git", "./a.git", "SAME_REPOSITORY"],
    ["same URL", "https://example.com/a.git", "https://EXAMPLE.com:443/a/", "SAME_REPOSITORY"],
    ["empty branch name", "a.git", "b.git", "REQUEST_INVALID"],
  ])("%s: exit 2, and one document with --json", async ([title, source, target, code], { expect }) => {
    const scope = title === "empty branch name" ? ["--exclude-ref", "a", "--branch", "a..b"] : [];
    const [text, json] = await Promise.all([
      run("sync", source, target, ...scope),
      run("mirror", source, target, ...scope, "--json"),
    ]);
    expect(text).toMatchObject({ code: 2, stdout: "" });
    expect(text.stderr).toMatch(new RegExp(`^error: .* \\[${code}\\]\nremedy: .+\n$`, "u"));
    expect(json.code).toBe(2);
    expect(documentOf(json)).toEqual({
      error: {
        code,
        message: expect.any(String),
        remedy: expect.stringMatching(/./u),
        retryable: false,
        details: expect.any(Object),
      },
    });
    expect(text.stderr + json.stdout + json.stderr).not.toContain("hunter2");
  });

  test("every command that takes two repositories treats them alike", async ({ expect }) => {
    for (const command of ["replicate", "plan", "enqueue"]) {
      const outcome = await run(command, "a.git", "https://u:hunter2@example.com/b.git", "--json");
      expect(outcome.code, command).toBe(2);
      expect(documentOf(outcome)).toMatchObject({ error: { code: "URL_INVALID" } });
      expect(outcome.stdout + outcome.stderr).not.toContain("hunter2");
    }
  });

  test("a usage error is a document too", async ({ expect }) => {
    const outcome = await run("sync", "a", "b", "--tagz", "--json");
    expect(outcome.code).toBe(2);
    expect(documentOf(outcome)).toEqual({
      error: expect.objectContaining({ code: "USAGE", message: "unknown flag --tagz; did you mean --tags?" }),
    });
  });

  test("a bad environment variable is named", async ({ expect }) => {
    const outcome = await runCli(["sync", "a", "b"], {
      folder: folder.path,
      env: { GITSYNC_PROTOCOL: "v3" },
    });
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toBe(
      "error: The environment cannot be used [ENVIRONMENT_INVALID]\n" +
        "  GITSYNC_PROTOCOL is not one of auto, v1, v2\nremedy: correct the named variables\n",
    );
  });

  test.for(["mysql://localhost/x", "nonsense"])(
    "a queue address that is none: %s",
    async (queue, { expect }) => {
      const outcome = await run("mirror", "a", "b", "--queue", queue);
      expect(outcome).toMatchObject({ code: 2, stdout: "" });
      expect(outcome.stderr).toContain("[QUEUE_URL_INVALID]");
    },
  );

  test("nothing of it starts a queue", async ({ expect }) => {
    await rm(folder.join("queue"), { recursive: true, force: true });
    await run("mirror", "a.git", "./a.git");
    expect(existsSync(folder.join("queue"))).toBe(false);
  });
});
