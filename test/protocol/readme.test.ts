/** The programs in the README of the protocol package do what they say, as they stand there, against real git. */

import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { readText, ROOT } from "../check/repository.ts";
import { freePort } from "../support/free-port.ts";
import { startNodeGitServer } from "../support/git-server.ts";
import { git, gitBytes } from "../support/git.ts";
import {
  nodeCommand,
  outcomeOf,
  type RunningProcess,
  startProcess,
  startScript,
} from "../support/process.ts";
import { commit, createRepository, refsOf, tag } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const README = "packages/protocol/README.md";

/** The programs by file name, which is their first word. */
const programs = new Map(
  [...readText(README).matchAll(/^```ts\n(\/\/ ([\w-]+\.ts): [\s\S]*?)^```/gmu)].map(
    ([, program = "", name = ""]) => [name, program] as const,
  ),
);

const folder = temporaryFolder("readme");
const at = (...path: readonly string[]): string => folder.join(...path);

beforeAll(async () => {
  await mkdir(at("programs"));
  await symlink(join(ROOT, "node_modules"), at("programs", "node_modules"));
  await writeFile(at("programs", "package.json"), '{ "type": "module" }');
  for (const [name, program] of programs) await writeFile(at("programs", name), program);
});
afterAll(() => folder[Symbol.asyncDispose]());

function start(name: string, ...args: readonly string[]): RunningProcess {
  return startScript(at("programs", name), args);
}

/** Run a program to its end. @returns what it printed, by lines. */
async function run(name: string, ...args: readonly string[]): Promise<string[]> {
  await using program = start(name, ...args);
  const { code, stdout, stderr } = await outcomeOf(program);
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${stderr}`);
  return stdout.trimEnd().split("\n");
}

async function repository(name: string): Promise<string> {
  const path = await createRepository(at(name), { config: { "http.receivepack": "true" } });
  await commit(path, "refs/heads/main", { file: "one\n" });
  await commit(path, "refs/heads/main", { file: "two\n" });
  await tag(path, "v1", "refs/heads/main", "one");
  return path;
}

describe("the programs in the README of the protocol package", () => {
  test("are five, and TypeScript takes them", async ({ expect }) => {
    expect([...programs.keys()]).toEqual([
      "list-refs.ts",
      "fetch-pack.ts",
      "push-branch.ts",
      "serve.ts",
      "read-pack.ts",
    ]);
    const options = { extends: join(ROOT, "tsconfig.json"), include: ["*.ts"], references: [] };
    await writeFile(at("programs", "tsconfig.json"), JSON.stringify(options));
    await using compiler = startProcess(nodeCommand, [
      join(ROOT, "node_modules/typescript/bin/tsc"),
      "--noEmit",
      "-p",
      at("programs"),
    ]);
    expect(await outcomeOf(compiler)).toMatchObject({ code: 0, stdout: "" });
  });

  test("list refs", async ({ expect }) => {
    const path = await repository("list.git");
    await using server = await startNodeGitServer(folder.path);
    const listed = await run("list-refs.ts", `${server.url}/list.git`);
    const refs = [...(await refsOf(path))].map(([name, id]) => `${id} ${name}`);
    expect(listed[0]).toMatch(/ HEAD -> refs\/heads\/main$/u);
    expect(listed.slice(1).map((line) => line.replace(/ peels to .*/u, ""))).toEqual(refs);
  });

  test("fetch a pack", async ({ expect }) => {
    const path = await repository("fetch.git");
    await run("fetch-pack.ts", path, at("fetched.pack"));
    const clone = await createRepository(at("fetched.git"));
    await git(["index-pack", "--strict", "--stdin"], {
      cwd: clone,
      input: await readFile(at("fetched.pack")),
    });
    for (const [name, id] of await refsOf(path)) await git(["update-ref", name, id], { cwd: clone });
    expect(await refsOf(clone)).toEqual(await refsOf(path));
    expect(await git(["fsck", "--full"], { cwd: clone })).toBe("");
  });

  test("push a ref", async ({ expect }) => {
    const path = await repository("push.git");
    await using server = await startNodeGitServer(folder.path);
    const id = await git(["rev-parse", "main~1"], { cwd: path });
    const printed = await run("push-branch.ts", `${server.url}/push.git`, "refs/heads/topic", id);
    expect(printed).toEqual(["ok refs/heads/topic"]);
    expect((await refsOf(path)).get("refs/heads/topic")).toBe(id);
  });

  test("serve a repository", async ({ expect }) => {
    const port = await freePort();
    await using program = start("serve.ts", String(port));
    await program.waitForLine(/listening/u);
    for (const version of [0, 2]) {
      const clone = at(`served-${version}`);
      const url = `http://localhost:${port}/hello`;
      await git(["-c", `protocol.version=${version}`, "clone", "--quiet", url, clone]);
      expect(await readFile(join(clone, "hello"), "utf8")).toBe("hello\n");
      expect(await git(["fsck", "--full"], { cwd: clone })).toBe("");
    }
  });

  test("read a pack", async ({ expect }) => {
    const path = await repository("read.git");
    const pack = await gitBytes(["pack-objects", "--all", "--stdout", "-q"], { cwd: path, input: "" });
    await writeFile(at("read.pack"), pack);
    await using program = startProcess("sh", [
      "-c",
      `exec ${nodeCommand} --conditions=@gitsync/source ${at("programs", "read-pack.ts")} < ${at("read.pack")}`,
    ]);
    const { stdout } = await outcomeOf(program);
    await git(["index-pack", at("read.pack")], { cwd: path });
    const verified = (await git(["verify-pack", "-v", at("read.pack")], { cwd: path }))
      .split("\n")
      .flatMap((line) => {
        const [, size, offset] = /^[0-9a-f]{40} \w+ +(\d+) \d+ (\d+)/u.exec(line) ?? [];
        return size === undefined ? [] : [`${offset} ${size}`];
      });
    const printed = stdout.trimEnd().split("\n");
    expect(printed.at(-1)).toBe(`${verified.length} entries`);
    const places = printed.slice(0, -1).map((line) => line.replace(/^(\d+) [\w-]+ (\d+) .*/u, "$1 $2"));
    expect(new Set(places)).toEqual(new Set(verified));
  });
});
