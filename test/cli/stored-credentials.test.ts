import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "vitest";
import { startNodeGitServer, type NodeGitServer } from "../support/git-server.ts";
import { commit, createRepository, refsOf } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import type { TemporaryFolder } from "../support/temporary-folder.ts";
import { cliFolder, runCli, type CliOutcome } from "./git-sync.ts";

interface Rig extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly server: NodeGitServer;
  readonly target: string;
  readonly source: string;
  /** What the user's helper was asked to do, in order. */
  operations(): readonly string[];
  sync(env?: Readonly<Record<string, string>>, ...flags: readonly string[]): Promise<CliOutcome>;
}

/** A server that wants `ann:right`, and a user whose helper keeps what `store` says. */
async function openRig(kept: string): Promise<Rig> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(cliFolder("credentials"));
  const source = await createRepository(folder.join("source.git"));
  const target = await createRepository(folder.join("target.git"));
  await commit(source, "refs/heads/main", { a: "1" });
  const server = stack.use(
    await startNodeGitServer(folder.path, { auth: { username: "ann", password: "right" } }),
  );
  const [log, helper, config] = [folder.join("log"), folder.join("helper"), folder.join("gitconfig")];
  writeFileSync(folder.join("store"), kept);
  writeFileSync(
    helper,
    `#!/bin/sh\necho "$1" >>${log}; cat >>${log}.in\n[ "$1" = get ] && cat ${folder.join("store")}\nexit 0\n`,
  );
  chmodSync(helper, 0o755);
  writeFileSync(config, `[credential]\n\thelper = ${helper}\n`);
  const owned = stack.move();
  return {
    folder,
    server,
    source,
    target,
    operations: () => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []),
    sync: (env = {}, ...flags) =>
      runCli(["sync", `${server.url}/source.git`, target, ...flags], {
        folder: folder.path,
        env: { PATH: process.env["PATH"] ?? "", GIT_CONFIG_GLOBAL: config, ...env },
      }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

describeWith(["git"], "credentials that the user keeps with git", () => {
  test("are asked for when the server wants some, and kept when it took them", async ({ expect }) => {
    await using rig = await openRig("username=ann\npassword=right\n");
    expect(await rig.sync()).toMatchObject({ code: 0, stderr: "" });
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
    expect(rig.operations()).toEqual(["get", "store"]);
    expect(readFileSync(rig.folder.join("log.in"), "utf8")).toContain(
      `protocol=http\nhost=127.0.0.1:${rig.server.port}\n`,
    );
    // Nothing was sent before the server asked.
    expect(rig.server.requests.map(({ status }) => status).slice(0, 2)).toEqual([401, 200]);
  });

  test("are forgotten when the server refuses them", async ({ expect }) => {
    await using rig = await openRig("username=ann\npassword=wrong-canary\n");
    const outcome = await rig.sync();
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain("[AUTH_DENIED]");
    expect(outcome.stderr + outcome.stdout).not.toContain("wrong-canary");
    expect(rig.operations()).toEqual(["get", "erase"]);
  });

  test("are not asked for when others were given", async ({ expect }) => {
    await using rig = await openRig("username=ann\npassword=right\n");
    const outcome = await rig.sync({ GITSYNC_SOURCE_TOKEN: "stale" });
    expect(outcome.stderr).toContain("[AUTH_DENIED]");
    expect(rig.operations()).toEqual([]);
  });

  test("that there are none of end the run without a question where nobody can answer", async ({
    expect,
  }) => {
    await using rig = await openRig("");
    const outcome = await rig.sync();
    expect(outcome.stderr).toContain("[AUTH_REQUIRED]");
    expect(outcome.code).toBe(1);
    expect(rig.operations()).toEqual(["get"]);
  });

  test.for(["quit=1\n", "username=ann\n", "password=\n", "garbage\n"])(
    "that a helper answers with %j for are none",
    async (kept, { expect }) => {
      await using rig = await openRig(kept);
      expect((await rig.sync()).stderr).toContain("[AUTH_REQUIRED]");
    },
  );
});
