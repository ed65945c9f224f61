import { expect, test } from "vitest";
import type { LoggedRequest } from "../support/git-server.ts";
import { commit, copyRepository, objectFilesOf, refsOf, tag } from "../support/repository.ts";
import { generateHistory } from "../support/history.ts";
import { branchesAndTags, describeWays, expectSound, outcomes, twoSides } from "./two-sides.ts";

describeWays("with nothing to do", (way) => {
  test("nothing is pushed, and each side is asked at most twice", async () => {
    await using sides = await twoSides(way);
    const first = await commit(sides.source, "refs/heads/main", { "a.txt": "one\n" });
    await tag(sides.source, "v1", first, "First");
    await sides.replicate();
    await sides.forgetRequests();
    const before = await objectFilesOf(sides.target);
    const result = await sides.replicate();
    expect(result.refs).toEqual([]);
    expect(result.counts).toMatchObject({ applied: 0, skipped: 2 });
    expect(result.execution).toMatchObject({ transferMode: "nothing", relay: false, converged: true });
    expect(await objectFilesOf(sides.target)).toEqual(before);
    const source = await sides.requestsOf(sides.source);
    const target = await sides.requestsOf(sides.target);
    const line = ({ method, uri, gitProtocol }: LoggedRequest): string => `${method} ${uri} ${gitProtocol}`;
    expect([...source, ...target].map(line)).toEqual(
      way === "local"
        ? []
        : [
            "GET /source.git/info/refs?service=git-upload-pack version=2",
            "POST /source.git/git-upload-pack version=2",
            "GET /target.git/info/refs?service=git-receive-pack ",
          ],
    );
    expect([...source, ...target].every(({ userAgent }) => userAgent.startsWith("git/"))).toBe(true);
    await expectSound(sides);
  });

  test("unchanged refs are counted, and listed only when asked", async () => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { "a.txt": "one\n" });
    await sides.sync();
    const result = await sides.sync({ includeUnchanged: true });
    expect(result.refs).toMatchObject([
      { targetRef: "refs/heads/main", action: "skip", outcome: "unchanged", code: "already-current" },
    ]);
  });

  test("a thousand refs cost no more requests than one", async () => {
    await using sides = await twoSides(way, { target: "missing" });
    const history = await generateHistory({ commits: 300, refs: 700, tags: 300 });
    const source = await copyRepository(history, sides.folder.join("many.git"));
    const target = await copyRepository(history, sides.folder.join("many-copy.git"));
    const result = await sides.client.sync({
      source: sides.endpoint(source),
      target: sides.endpoint(target),
      policy: { includeTags: true, mode: "replicate" },
      collectStats: true,
    });
    expect(result.counts.skipped).toBe(1_000);
    expect((await sides.requestsOf(source)).length).toBeLessThanOrEqual(2);
    expect((await sides.requestsOf(target)).length).toBeLessThanOrEqual(2);
    expect(result.stats.enabled).toBe(true);
    expect(result.stats.sides.map(({ label }) => label).toSorted()).toEqual(["source", "target"]);
  });

  test("a ref whose object the target lists travels without a pack from the source", async () => {
    await using sides = await twoSides(way);
    const first = await commit(sides.source, "refs/heads/main", { "a.txt": "one\n" });
    await sides.replicate();
    await tag(sides.source, "light", first);
    const before = await objectFilesOf(sides.target);
    await sides.forgetRequests();
    const result = await sides.replicate();
    expect(result.execution).toMatchObject({
      transferMode: "refs-only",
      relay: false,
      reason: "objects-present",
    });
    expect(await refsOf(sides.target)).toEqual(await branchesAndTags(sides.source));
    expect(await objectFilesOf(sides.target)).toEqual(before);
    expect(await sides.requestsOf(sides.source)).toHaveLength(way === "http" ? 2 : 0);
    await expectSound(sides);
  });

  test("a ref to an old commit costs a pack without objects", async () => {
    await using sides = await twoSides(way);
    const first = await commit(sides.source, "refs/heads/main", { "a.txt": "one\n" });
    await commit(sides.source, "refs/heads/main", { "a.txt": "two\n" });
    await sides.replicate();
    await tag(sides.source, "light", first);
    const before = await objectFilesOf(sides.target);
    expect(outcomes(await sides.replicate())).toEqual(["refs/tags/light: applied (create)"]);
    expect(await objectFilesOf(sides.target)).toEqual(before);
    await expectSound(sides);
  });
});
