import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS, commandHelp, FLAGS, overviewHelp } from "@gitsync/cli";
import { beforeAll, afterAll, describe, test } from "vitest";
import { nodeCommand } from "../support/process.ts";
import type { TemporaryFolder } from "../support/temporary-folder.ts";
import { BIN, cliFolder, runCli } from "./git-sync.ts";

let folder: TemporaryFolder;
beforeAll(() => {
  folder = cliFolder("help");
});
afterAll(() => folder[Symbol.asyncDispose]());

describe("help", () => {
  test("the list of commands", async ({ expect }) => {
    const outcome = await runCli(["--help"], { folder: folder.path });
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout).toBe(overviewHelp(COMMANDS));
    await expect(outcome.stdout).toMatchFileSnapshot("snapshots/help.txt");
  });

  test.for(COMMANDS.map(({ name }) => name))("help %s", async (name, { expect }) => {
    const outcomes = await Promise.all([
      runCli(["help", name], { folder: folder.path }),
      runCli([name, "--help"], { folder: folder.path }),
    ]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcomes[0].stdout).toBe(outcomes[1].stdout);
    await expect(outcomes[0].stdout).toMatchFileSnapshot(`snapshots/help-${name}.txt`);
  });

  test("every flag is taken by a command and explained in its help", ({ expect }) => {
    const taken = new Set<string>(COMMANDS.flatMap(({ flags }) => flags));
    expect(Object.keys(FLAGS).filter((name) => name !== "help" && !taken.has(name))).toEqual([]);
    for (const command of COMMANDS) {
      const help = commandHelp(command);
      for (const flag of command.flags) expect(help).toContain(`--${flag}`);
      expect(help.split("\n").filter((line) => line.length > 120)).toEqual([]);
    }
  });

  test("no secret of the environment is in any help", async ({ expect }) => {
    const env = { GITSYNC_SOURCE_TOKEN: "canary-source", GITSYNC_TARGET_BEARER_TOKEN: "canary-target" };
    const { stdout, stderr } = await runCli(["mirror", "--help"], { folder: folder.path, env });
    expect(stdout + stderr).not.toContain("canary");
  });

  test("loads nothing that only the commands need, so that it is there at once", async ({ expect }) => {
    const refuse = `data:text/javascript,${encodeURIComponent(REFUSE_HEAVY_MODULES)}`;
    const outcomes = await Promise.all(
      [["--help"], ["help", "mirror"], ["--version"], ["sync", "--tagz"]].map((args) =>
        runCli(args, { folder: folder.path, env: { NODE_OPTIONS: `--import=${refuse}` } }),
      ),
    );
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0, 2]);
    expect(outcomes.map(({ stderr }) => stderr).join("")).not.toContain("loaded");
  });
});

const REFUSE_HEAVY_MODULES = `
  import { registerHooks } from "node:module";
  const heavy = /^(bullmq|fastify|ioredis|pg|pino|undici|@opentelemetry|@gitsync.(?!engine.schema|jobs$))/;
  registerHooks({ resolve: (specifier, context, next) => {
    if (heavy.test(specifier)) throw new Error("loaded " + specifier);
    return next(specifier, context);
  } });
`;

describe("version", () => {
  const { version } = JSON.parse(
    readFileSync(join(import.meta.dirname, "../../apps/cli/package.json"), "utf8"),
  ) as {
    version: string;
  };

  test("is that of the package", async ({ expect }) => {
    const outcomes = await Promise.all(
      ["version", "--version"].map((word) => runCli([word], { folder: folder.path })),
    );
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        code: 0,
        stdout: `git-sync ${version} (Node.js ${process.versions.node})\n`,
      });
    }
  });
});

describe("an old Node.js", () => {
  const old = oldNode();

  test.skipIf(old === undefined)("is told what is needed, in one line", async ({ expect }) => {
    const outcome = await runCli(["--help"], { folder: folder.path, node: old ?? nodeCommand });
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toMatch(
      /^error: git-sync needs Node\.js 24 or newer and this is \d+\.[\d.]+; .*\n$/u,
    );
  });

  test("meets a file that it can parse", ({ expect }) => {
    const bin = readFileSync(BIN, "utf8");
    expect(bin).toMatch(/^#!\/usr\/bin\/env node\n/u);
    expect(bin).not.toMatch(/import \{[^}]*registerHooks/u);
  });
});

/** A Node.js of this machine that is older than what git-sync needs. */
function oldNode(): string | undefined {
  return ["/usr/bin/node", "/usr/local/bin/node", "/usr/bin/nodejs"].find((path) => {
    const version = existsSync(path) ? spawnSync(path, ["--version"], { encoding: "utf8" }).stdout : "v24";
    return Number.parseInt(version.slice(1), 10) < 24;
  });
}
