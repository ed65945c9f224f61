import { writeFileSync } from "node:fs";
import { test } from "vitest";
import { startNodeGitServer } from "../support/git-server.ts";
import { commit, createRepository } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { addressOf, cliFolder, documentOf, runCli, startCli } from "./git-sync.ts";

describeWith(["git", "postgres"], "git-sync enqueue MIRROR --wait", () => {
  test(
    "says of several routes what the worst one failed with, where every command says it",
    { timeout: 120_000 },
    async ({ expect }) => {
      await using folder = cliFolder("enqueue-mirror");
      const source = await createRepository(folder.join("repositories/source.git"));
      await commit(source, "refs/heads/main", { "a.txt": "a\n" });
      await createRepository(folder.join("repositories/target.git"));
      await using server = await startNodeGitServer(folder.join("repositories"));
      const config = folder.join("mirrors.yaml");
      writeFileSync(
        config,
        `version: 1
egress: { schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }
mirrors:
  - id: docs
    source: { url: "${server.url}/source.git" }
    targets: [{ id: there, url: "${server.url}/target.git" }, { id: gone, url: "${server.url}/nowhere.git" }]
`,
      );
      await using up = startCli(["up", "--config", config, "--listen", "127.0.0.1:0"], {
        folder: folder.path,
      });
      await addressOf(up);
      const outcome = await runCli(["enqueue", "docs", "--wait", "--json"], { folder: folder.path });
      expect(outcome.code).toBe(1);
      expect(documentOf(outcome)).toMatchObject({
        runs: [
          { route: "docs/gone", error: { code: "NOT_FOUND" } },
          { route: "docs/there", outcome: "converged" },
        ],
        error: {
          code: "NOT_FOUND",
          message: expect.stringMatching(/^docs\/gone: /u),
          remedy: expect.stringMatching(/./u),
          retryable: false,
          details: { route: "docs/gone" },
        },
      });
      const one = await runCli(["enqueue", "docs/gone", "--wait", "--json"], { folder: folder.path });
      expect(one.code).toBe(1);
      expect(documentOf(one)).toMatchObject({ error: { code: "NOT_FOUND" }, job: { route: "docs/gone" } });
      await runCli(["mirrors", "pause", "docs/there"], { folder: folder.path });
      const paused = await runCli(["enqueue", "docs/there"], { folder: folder.path });
      expect(paused).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^job \S+ waiting docs\/there\n$/u),
        stderr:
          "docs/there is paused: it runs once somebody resumes it, git-sync mirrors resume docs/there\n",
      });
      await up.kill("SIGTERM");
    },
  );
});
