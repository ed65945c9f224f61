import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { ROOT } from "../check/repository.ts";
import { startNginxGitServer, type NginxGitServer } from "../support/nginx-git-server.ts";
import { commit, createRepository } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
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
    const outcome = await run("mirrors", "check", "--offline", "--config", EXAMPLE);
    expect(outcome).toMatchObject({ code: 0, stdout: `${EXAMPLE}: 2 mirrors, 3 routes, no faults\n` });
    const json = await run("mirrors", "check", "--offline", "--config", EXAMPLE, "--json");
    expect(documentOf(json)).toMatchObject({
      files: [EXAMPLE],
      mirrors: 2,
      routes: ["docs/backup", "tools/backup", "tools/second"],
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
});

describe("git-sync mirrors check", () => {
  test("names the secrets of webhooks that cannot be read here", async ({ expect }) => {
    const config = join(folder.path, "secrets.yaml");
    const missing = (name: string): string => `{ file: ${join(folder.path, name)} }`;
    await writeFile(
      config,
      `version: 1
notify: { webhook: { url: "https://ops.example.com/hook", secret: ${missing("notify")} } }
webhooks: { github: { secrets: [{ env: HOOK_SECRET }, ${missing("new")}] } }
`,
    );
    const check = (...args: readonly string[]): Promise<CliOutcome> =>
      runCli(["mirrors", "check", "--config", config, ...args], {
        folder: folder.path,
        env: { HOOK_SECRET: "canary-hook" },
      });
    const outcome = await check();
    expect(outcome).toMatchObject({ code: 1, stderr: "" });
    expect(outcome.stdout).toContain(`secret webhooks.github.secrets[1] [SECRET_UNREADABLE]
  The secret's file ${join(folder.path, "new")} cannot be read (ENOENT)
secret notify.webhook.secret [SECRET_UNREADABLE]
`);
    expect(documentOf(await check("--json"))).toMatchObject({
      unreadableSecrets: [{ key: "webhooks.github.secrets[1]" }, { key: "notify.webhook.secret" }],
    });
    expect(await check("--offline")).toMatchObject({ code: 0 });
  });
});

describeWith(["nginx"], "git-sync mirrors check, connected", () => {
  let server: NginxGitServer;
  let file: string;

  beforeAll(async () => {
    const root = join(folder.path, "repositories");
    const source = await createRepository(join(root, "source.git"));
    await commit(source, "refs/heads/main", { "a.txt": "a\n" });
    await createRepository(join(root, "target.git"));
    server = await startNginxGitServer({
      root,
      auth: { username: "bot", password: "right-token", for: "push" },
    });
    const { url } = server;
    const { port } = new URL(url);
    file = join(folder.path, "connected.yaml");
    await writeFile(
      file,
      `version: 1
egress: { allow: [{ cidr: 127.0.0.0/8, ports: [${port}] }], schemes: [http] }
credentials:
  bot: { type: basic, origins: ["${url}"], username: bot, token: { env: BOT_TOKEN } }
mirrors:
  - { id: a, source: { url: "${url}/source.git" }, targets: [{ id: t, url: "${url}/target.git", credential: bot }] }
  - { id: b, source: { url: "${url}/source.git" }, targets: [{ id: t, url: "${url}/nowhere.git", credential: bot }] }
`,
    );
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const check = (token: string, ...args: readonly string[]): Promise<CliOutcome> =>
    runCli(["mirrors", "check", "--config", file, ...args], {
      folder: folder.path,
      env: { BOT_TOKEN: token },
    });

  test("says of each repository that cannot be used why, and in which routes", async ({ expect }) => {
    const outcome = await check("right-token");
    expect(outcome).toMatchObject({ code: 1, stderr: "" });
    expect(outcome.stdout).toContain(`target ${server.url}/nowhere.git with credential bot [NOT_FOUND]`);
    expect(outcome.stdout).toContain("of b/t");
    expect(outcome.stdout).toContain("2 of 3 repositories can be used");
    const document = documentOf(await check("right-token", "--json"));
    expect(document["repositories"]).toMatchObject([
      { role: "source", url: `${server.url}/source.git`, routes: ["a/t", "b/t"], usable: true },
      { role: "target", url: `${server.url}/target.git`, credential: "bot", routes: ["a/t"], usable: true },
      { role: "target", usable: false, error: { code: "NOT_FOUND" } },
    ]);
  });

  test("finds a token that may read and not write, and shows none of it", async ({ expect }) => {
    const outcome = await check("wrong-token");
    expect(outcome.stdout).toContain(`target ${server.url}/target.git with credential bot [AUTH_DENIED]`);
    expect(outcome.stdout).toContain(
      "the credential has to be allowed to read the repository and to push to it",
    );
    expect(outcome.stdout).toContain("1 of 3 repositories can be used");
    expect(outcome.stdout + outcome.stderr).not.toContain("wrong-token");
  });

  test("names the variable that is not set", async ({ expect }) => {
    const outcome = await runCli(["mirrors", "check", "--config", file], { folder: folder.path });
    expect(outcome.stdout).toContain("The environment variable BOT_TOKEN is not set");
  });
});
