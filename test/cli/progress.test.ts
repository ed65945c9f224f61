import { test } from "vitest";
import { noise } from "../support/noise.ts";
import { commit, createRepository, refsOf } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { cliFolder, documentOf, runCli } from "./git-sync.ts";

describeWith(["git"], "the progress of a run in batches", () => {
  test("is told as text, a line for each phase, and as events with --json", async ({ expect }) => {
    await using folder = cliFolder("progress");
    const source = await createRepository(folder.join("source.git"));
    for (let n = 0; n < 12; n += 1)
      await commit(source, "refs/heads/main", { [`f${n}`]: noise(30_000, String(n)) });
    const replicate = async (target: string, ...flags: readonly string[]) => {
      const path = await createRepository(folder.join(target), {
        config: { "receive.maxInputSize": "150000" },
      });
      const outcome = await runCli(["replicate", source, path, ...flags], { folder: folder.path });
      expect(await refsOf(path)).toEqual(await refsOf(source));
      return outcome;
    };
    const text = await replicate("text.git", "--progress");
    const lines = text.stderr.trimEnd().split("\n");
    const shown = lines.map((line) => line.replace(/ {2}.*/u, ""));
    expect(shown.slice(0, 4)).toEqual(["listing refs of both sides", "planning", "fetching", "pushing"]);
    expect(shown.slice(4, 6)).toEqual([
      expect.stringMatching(/^trying again .*going on in batches$/u),
      "reading the source's history",
    ]);
    expect(shown).toContainEqual(expect.stringMatching(/^batch 2 of \d+: pushing$/u));
    expect(shown.slice(-2)).toEqual(["removing temporary refs", "reading the report"]);
    expect(lines.find((line) => /^batch 2 of \d+: pushing/u.test(line))).toMatch(
      / {2}source [\d.]+ (?:kB|MB) [\d.]+ (?:kB|MB)\/s {2}\d+ objects {2}0:\d\d$/u,
    );

    const json = await replicate("json.git", "--progress", "--json");
    expect(documentOf(json)).toMatchObject({ execution: { converged: true } });
    const events = json.stderr
      .trimEnd()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    expect(events).toEqual(
      expect.arrayContaining([
        { type: "phase", phase: "history" },
        { type: "batch", done: 1, planned: expect.any(Number), limitBytes: expect.any(Number) },
        { type: "phase", phase: "clean-up" },
        expect.objectContaining({ type: "progress", side: "target", bytesPerSecond: expect.any(Number) }),
      ]),
    );
    const silent = await replicate("silent.git", "--json");
    expect(silent.stderr).toMatch(/^trying again .*going on in batches\n$/u);
  });
});
