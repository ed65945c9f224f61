import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createClient, type Client } from "../../client.ts";
import { isSyncError, type SyncError } from "../../errors.ts";
import type { ClientOptions } from "../../options.ts";
import { bareRepository, commit, git, GIT_ENVIRONMENT, temporaryFolder } from "../../testing/git.ts";

function openClient(options: ClientOptions = {}): Client {
  return createClient({ egress: { addresses: "any" }, childEnvironment: GIT_ENVIRONMENT, ...options });
}

async function failureOf(run: Promise<unknown>): Promise<SyncError> {
  const outcome: unknown = await run.catch((error: unknown) => error);
  return isSyncError(outcome) ? outcome : expect.unreachable(`no SyncError but ${String(outcome)}`);
}

/** git processes that serve something in `folder`. */
function children(folder: string): string {
  const list = process
    .getBuiltinModule("node:child_process")
    .spawnSync("ps", ["-eo", "args"])
    .stdout.toString();
  return list
    .split("\n")
    .filter((line) => line.includes(folder) && line.includes("-pack"))
    .join("\n");
}

/** A source with one branch of some hundred KiB that nothing compresses. */
function bigSource(folder: string): string {
  const source = bareRepository(join(folder, "source.git"));
  let noise = "";
  for (let state = 1, n = 0; n < 400_000; n += 1) {
    state = (state * 48_271) % 2_147_483_647;
    noise += String.fromCodePoint(33 + (state % 90));
  }
  const blob = git(source, ["hash-object", "-w", "--stdin"], noise);
  const tree = git(source, ["mktree"], `100644 blob ${blob}\tnoise\n`);
  git(source, ["update-ref", "refs/heads/main", git(source, ["commit-tree", tree, "-m", "x"])]);
  return source;
}

describe("children that serve local repositories", () => {
  test.for(["v1", "v2", "auto"] as const)("speak the protocol that is asked for (%s)", async (protocol) => {
    using folder = temporaryFolder();
    const source = bigSource(folder.path);
    const target = join(folder.path, "target.git");
    const result = await openClient().replicate({
      source: { url: source },
      target: { url: target },
      policy: { protocol },
    });
    expect(result.execution.protocol).toBe(protocol === "v1" ? "v1" : "v2");
    expect(git(target, ["rev-parse", "main"])).toBe(git(source, ["rev-parse", "main"]));
    git(target, ["fsck", "--strict"]);
    expect(children(folder.path)).toBe("");
  });

  test.for(["v1", "v2"] as const)(
    "are ended at once when the pack is larger than allowed (%s)",
    async (protocol) => {
      using folder = temporaryFolder();
      const source = bigSource(folder.path);
      const start = performance.now();
      const run = openClient({ limits: { maxPackBytes: 1_000 } }).replicate({
        source: { url: source },
        target: { url: join(folder.path, "target.git") },
        policy: { protocol },
      });
      expect((await failureOf(run)).code).toBe("PACK_LIMIT");
      expect(performance.now() - start).toBeLessThan(2_500);
      expect(children(folder.path)).toBe("");
    },
  );

  test("are ended when a question is answered with too much", async () => {
    using folder = temporaryFolder();
    const source = bigSource(folder.path);
    const target = bareRepository(join(folder.path, "target.git"));
    git(target, ["fetch", "--quiet", source, "main:main"]);
    let tip = git(source, ["rev-parse", "main"]);
    for (let n = 0; n < 20; n += 1) tip = commit(source, [tip], "x".repeat(9_000));
    git(source, ["update-ref", "refs/heads/main", tip]);
    const client = openClient({ limits: { maxAncestryBytes: 10 } });
    const plan = await client.plan({ source: { url: source }, target: { url: target } });
    expect(plan.refs.map((each) => each.code)).toEqual(["ancestry-unproven"]);
    expect(children(folder.path)).toBe("");
  });

  test("that refuse a pack are not fed to its end, and what they said is told", async () => {
    using folder = temporaryFolder();
    const source = bigSource(folder.path);
    const target = bareRepository(join(folder.path, "target.git"));
    git(target, ["config", "receive.maxInputSize", "2000"]);
    for (const memoryBytes of [1, 1 << 24]) {
      const run = openClient({ limits: { memoryBytes } }).replicate({
        source: { url: source },
        target: { url: target },
      });
      const failure = await failureOf(run);
      expect(failure).toMatchObject({
        code: "REFS_REFUSED",
        result: { refs: [{ code: "pack-too-large", outcome: "refused" }] },
      });
    }
    expect(children(folder.path)).toBe("");
  });

  test("whose objects are refused by the target's checks are told apart from a broken pack", async () => {
    using folder = temporaryFolder();
    const source = bareRepository(join(folder.path, "source.git"));
    const tree = git(source, ["mktree"]);
    const faulty = `tree ${tree}\nauthor A <a@example.com 1700000000 +0000\ncommitter A <a@example.com> 1700000000 +0000\n\nx\n`;
    git(source, [
      "update-ref",
      "refs/heads/main",
      git(source, ["hash-object", "-t", "commit", "-w", "--literally", "--stdin"], faulty),
    ]);
    const target = bareRepository(join(folder.path, "target.git"));
    git(target, ["config", "receive.fsckObjects", "true"]);
    const failure = await failureOf(
      openClient().replicate({ source: { url: source }, target: { url: target } }),
    );
    expect(failure.result?.refs.map((each) => each.code)).toEqual(["object-check-failed"]);
  });

  test("of a source with a cut-off history are refused in every protocol, before the target is touched", async () => {
    using folder = temporaryFolder();
    const whole = bareRepository(join(folder.path, "whole.git"));
    const first = commit(whole, []);
    git(whole, ["update-ref", "refs/heads/main", commit(whole, [first])]);
    const shallow = join(folder.path, "shallow.git");
    git(folder.path, ["clone", "--quiet", "--bare", "--depth=1", `file://${whole}`, shallow]);
    for (const protocol of ["v1", "v2"] as const) {
      const target = join(folder.path, `target-${protocol}.git`);
      const failure = await failureOf(
        openClient().replicate({ source: { url: shallow }, target: { url: target }, policy: { protocol } }),
      );
      expect(failure.code).toBe("SOURCE_SHALLOW");
      expect(existsSync(target) ? git(target, ["for-each-ref"]) : "").toBe("");
    }
  });

  test("that cannot be started or are no repository fail with a code and a reason", async () => {
    using folder = temporaryFolder();
    const source = bigSource(folder.path);
    writeFileSync(join(folder.path, "file"), "");
    const to = (url: string, client: Client): Promise<SyncError> =>
      failureOf(client.sync({ source: { url }, target: { url: join(folder.path, "t.git") } }));
    expect((await to(source, openClient({ childEnvironment: { PATH: "/nonexistent" } }))).code).toBe(
      "LOCAL_FAILED",
    );
    expect((await to(folder.path, openClient())).code).toBe("NOT_A_REPOSITORY");
    expect((await to(join(folder.path, "none.git"), openClient())).code).toBe("NOT_A_REPOSITORY");
    expect((await to(join(folder.path, "file"), openClient())).code).toBe("NOT_A_REPOSITORY");
  });

  test("get nothing of our environment", async () => {
    using folder = temporaryFolder();
    const source = bigSource(folder.path);
    const target = bareRepository(join(folder.path, "target.git"));
    const seen = join(folder.path, "seen");
    writeFileSync(join(target, "hooks", "pre-receive"), `#!/bin/sh\nenv > ${seen}\n`, { mode: 0o755 });
    process.env["ENGINE_CANARY"] = "canary";
    try {
      await openClient().replicate({ source: { url: source }, target: { url: target } });
    } finally {
      delete process.env["ENGINE_CANARY"];
    }
    expect(readFileSync(seen, "utf8")).toContain("GIT_TERMINAL_PROMPT=0");
    expect(readFileSync(seen, "utf8")).not.toContain("canary");
  });
});
