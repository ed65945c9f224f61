import { expect, test } from "vitest";
import { startNginxGitServer } from "../support/git-server.ts";
import { generateHistory } from "../support/history.ts";
import { copyRepository, createRepository, fsck, leftoversOf, refsOf } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { openClient } from "./two-sides.ts";

describeWith(["nginx"], "a history of fifty thousand commits and five hundred refs", () => {
  test("is mirrored whole from one nginx to another", { timeout: 60_000 }, async () => {
    await using folder = temporaryFolder("large");
    const history = await generateHistory({ commits: 51_000, refs: 400, tags: 120, notes: 5 });
    const source = await copyRepository(history, folder.join("from", "large.git"));
    const target = await createRepository(folder.join("to", "large.git"));
    await using here = await startNginxGitServer({ root: folder.join("from"), receivePack: false });
    await using there = await startNginxGitServer({ root: folder.join("to") });
    const client = openClient();
    const request = {
      source: { url: `${here.url}/large.git` },
      target: { url: `${there.url}/large.git` },
      scope: { allRefs: true },
    };
    const result = await client.replicate(request);
    expect(result.counts).toMatchObject({ applied: 521, refused: 0, unknown: 0 });
    expect(await refsOf(target)).toEqual(await refsOf(source));
    await fsck(target);
    expect(await leftoversOf(target)).toEqual([]);
    // The first is empty: as nobody gave credentials, it shows that none are needed.
    const pushes = (await there.requests()).filter(({ method }) => method === "POST");
    expect(pushes.map(({ contentLength }) => contentLength)).toEqual(["4", expect.any(String)]);
    expect((await client.replicate(request)).execution.transferMode).toBe("nothing");
    await client.close();
  });
});
