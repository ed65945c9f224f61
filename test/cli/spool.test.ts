import { test } from "vitest";
import { noise } from "../support/noise.ts";
import { commit, createRepository, refsOf } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { cliFolder, runCli } from "./git-sync.ts";

describeWith(["git"], "a target that takes small packs only", () => {
  test("is served with the help of GITSYNC_SPOOL_DIR, and a folder that is not there is named", async ({
    expect,
  }) => {
    await using folder = cliFolder("spool");
    const source = await createRepository(folder.join("source.git"));
    const target = await createRepository(folder.join("target.git"), {
      config: { "receive.maxInputSize": "150000" },
    });
    for (let n = 0; n < 10; n += 1)
      await commit(source, "refs/heads/main", { [`f${n}`]: noise(30_000, String(n)) });
    const run = (directory: string) =>
      runCli(["sync", source, target], { folder: folder.path, env: { GITSYNC_SPOOL_DIR: directory } });
    const missing = await run(folder.join("missing"));
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain(`in the spool folder ${folder.join("missing")}: ENOENT [SPOOL_FAILED]`);
    expect(await run(folder.path)).toMatchObject({ code: 0 });
    expect(await refsOf(target)).toEqual(await refsOf(source));
  });
});
