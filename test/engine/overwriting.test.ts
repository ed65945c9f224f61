import { expect, test } from "vitest";
import { git } from "../support/git.ts";
import { commit, deleteRef, fsck, refsOf, setRef, tag } from "../support/repository.ts";
import {
  branchesAndTags,
  describeWays,
  expectSound,
  failureOf,
  outcomes,
  twoSides,
  type TwoSides,
} from "./two-sides.ts";

/** Source and target equal, then `main` rewritten at the source and `next` moved forward. */
async function rewriteMain(sides: TwoSides): Promise<void> {
  const base = await commit(sides.source, "refs/heads/main", { a: "1" });
  await commit(sides.source, "refs/heads/main", { a: "2" });
  await commit(sides.source, "refs/heads/next", { n: "1" }, { parents: [base] });
  await sides.replicate();
  await commit(sides.source, "refs/heads/main", { a: "other" }, { parents: [base] });
  await commit(sides.source, "refs/heads/next", { n: "2" });
}

describeWays("a branch that was rewritten", (way) => {
  for (const allowFilter of ["true", "false"] as const) {
    const filter = `with uploadpack.allowFilter ${allowFilter}`;
    const source = { config: { "uploadpack.allowFilter": allowFilter } };

    test(`is blocked in sync mode, and nothing at all is pushed, ${filter}`, async () => {
      await using sides = await twoSides(way, { source });
      await rewriteMain(sides);
      const before = await refsOf(sides.target);
      const failure = await failureOf(sides.sync());
      expect(failure).toMatchObject({ code: "REFS_BLOCKED", retryable: false });
      expect(outcomes(failure.result)).toEqual([
        "refs/heads/main: not-attempted (not-fast-forward)",
        "refs/heads/next: not-attempted (fast-forward)",
      ]);
      expect(failure.result?.refs.map(({ action }) => action)).toEqual(["block", "update"]);
      expect(failure.result?.counts.blocked).toBe(1);
      expect(await refsOf(sides.target)).toEqual(before);
      await expectSound(sides);
    });

    test(`is a warning with best effort, and the rest goes on, ${filter}`, async () => {
      await using sides = await twoSides(way, { source });
      await rewriteMain(sides);
      const before = await refsOf(sides.target);
      const result = await sides.sync({ policy: { bestEffort: true } });
      expect(result.refs.map(({ targetRef, action, outcome }) => [targetRef, action, outcome])).toEqual([
        ["refs/heads/main", "warn", "not-attempted"],
        ["refs/heads/next", "update", "applied"],
      ]);
      expect(result.counts).toMatchObject({ applied: 1, warned: 1 });
      expect(result.execution.converged).toBe(false);
      const after = await refsOf(sides.target);
      expect(after.get("refs/heads/main")).toBe(before.get("refs/heads/main"));
      expect(after.get("refs/heads/next")).toBe((await refsOf(sides.source)).get("refs/heads/next"));
      await expectSound(sides);
    });

    test(`is overwritten with a lease, ${filter}`, async () => {
      await using sides = await twoSides(way, { source });
      await rewriteMain(sides);
      const result = await sides.sync({ policy: { force: "with-lease" } });
      expect(outcomes(result)).toEqual([
        "refs/heads/main: applied (forced)",
        "refs/heads/next: applied (fast-forward)",
      ]);
      expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
      await expectSound(sides);
    });
  }

  test("is overwritten in replicate mode", async () => {
    await using sides = await twoSides(way);
    await rewriteMain(sides);
    const result = await sides.replicate();
    expect(result.counts).toMatchObject({ applied: 2, blocked: 0 });
    expect(result.execution.operationMode).toBe("replicate");
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });

  test("is left alone in replicate mode when destructive changes are blocked", async () => {
    await using sides = await twoSides(way, { source: { config: { "uploadpack.allowFilter": "true" } } });
    await rewriteMain(sides);
    const before = await refsOf(sides.target);
    const result = await sides.replicate({ policy: { destructive: "block", bestEffort: true } });
    expect(outcomes(result)).toEqual([
      "refs/heads/main: not-attempted (destructive-blocked)",
      "refs/heads/next: applied (fast-forward)",
    ]);
    expect((await refsOf(sides.target)).get("refs/heads/main")).toBe(before.get("refs/heads/main"));
  });

  test("keeps its old tip when destructive changes are archived", async () => {
    await using sides = await twoSides(way, { source: { config: { "uploadpack.allowFilter": "true" } } });
    await rewriteMain(sides);
    const lost = (await refsOf(sides.target)).get("refs/heads/main");
    await sides.replicate({ policy: { destructive: "archive" } });
    expect(await branchesAndTags(sides.target)).toEqual(await branchesAndTags(sides.source));
    const archives = [...(await refsOf(sides.target, "refs/gitsync"))];
    expect(archives).toHaveLength(1);
    expect(archives[0]?.[0]).toMatch(/^refs\/gitsync\/archive\/\d{8}T\d{6}Z\/heads\/main$/);
    expect(archives[0]?.[1]).toBe(lost);
    await sides.replicate({
      policy: { destructive: "archive", prune: true, maxDeletes: { count: 100, percent: 100 } },
    });
    expect([...(await refsOf(sides.target, "refs/gitsync"))]).toEqual(archives);
    await expectSound(sides);
  });

  test("with no common history is blocked, and overwritten with a lease", async () => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { a: "1" });
    await commit(sides.target, "refs/heads/main", { z: "26" });
    expect(await failureOf(sides.sync())).toMatchObject({ code: "REFS_BLOCKED" });
    await sides.sync({ policy: { force: "with-lease" } });
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });

  test("is overwritten although the old tip is gone at the source", async () => {
    await using sides = await twoSides(way);
    await rewriteMain(sides);
    await git(["reflog", "expire", "--expire=now", "--all"], { cwd: sides.source });
    await git(["gc", "--quiet", "--prune=now"], { cwd: sides.source });
    await sides.replicate();
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await fsck(sides.target);
  });
});

describeWays("a tag that moved", (way) => {
  async function moveTag(sides: TwoSides): Promise<string | undefined> {
    const first = await commit(sides.source, "refs/heads/main", { a: "1" });
    await tag(sides.source, "v1", first, "First");
    await sides.replicate();
    const second = await commit(sides.source, "refs/heads/main", { a: "2" });
    await tag(sides.source, "v1", second, "First, again");
    return (await refsOf(sides.target)).get("refs/tags/v1");
  }

  test("is blocked in sync mode, even where it moved forward", async () => {
    await using sides = await twoSides(way);
    const old = await moveTag(sides);
    const failure = await failureOf(sides.sync({ policy: { includeTags: true } }));
    expect(failure.code).toBe("REFS_BLOCKED");
    expect(outcomes(failure.result)).toContain("refs/tags/v1: not-attempted (tag-moved)");
    expect((await refsOf(sides.target)).get("refs/tags/v1")).toBe(old);
  });

  test("is overwritten with a lease", async () => {
    await using sides = await twoSides(way);
    await moveTag(sides);
    await sides.sync({ policy: { includeTags: true, force: "with-lease" } });
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });

  test("is overwritten in replicate mode", async () => {
    await using sides = await twoSides(way);
    await moveTag(sides);
    await sides.replicate();
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });

  test("may turn from annotated to lightweight, and may name a tree or a blob", async () => {
    await using sides = await twoSides(way);
    await moveTag(sides);
    const tree = await git(["rev-parse", "refs/heads/main^{tree}"], { cwd: sides.source });
    const blob = await git(["rev-parse", "refs/heads/main:a"], { cwd: sides.source });
    await setRef(sides.source, "refs/tags/v1", await git(["rev-parse", "main"], { cwd: sides.source }));
    await setRef(sides.source, "refs/tags/tree", tree);
    await setRef(sides.source, "refs/tags/blob", blob);
    await sides.replicate();
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });
});

describeWays("notes that went apart", (way) => {
  test("are blocked, overwritten with a lease, and deleted when they are gone and pruned", async () => {
    await using sides = await twoSides(way, { source: { config: { "uploadpack.allowFilter": "true" } } });
    const scope = { allRefs: true };
    await commit(sides.source, "refs/heads/main", { a: "1" });
    await commit(sides.source, "refs/notes/commits", { n: "1" });
    await sides.sync({ scope });
    await commit(sides.source, "refs/notes/commits", { n: "2" }, { parents: [] });
    const failure = await failureOf(sides.sync({ scope }));
    expect(outcomes(failure.result)).toEqual(["refs/notes/commits: not-attempted (not-fast-forward)"]);
    const forced = await sides.sync({ scope, policy: { force: "with-lease" } });
    expect(outcomes(forced)).toEqual(["refs/notes/commits: applied (forced)"]);
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await deleteRef(sides.source, "refs/notes/commits");
    const pruned = await sides.sync({ scope, policy: { prune: true } });
    expect(outcomes(pruned)).toEqual(["refs/notes/commits: applied (source-ref-gone)"]);
    expect([...(await refsOf(sides.target)).keys()]).toEqual(["refs/heads/main"]);
    await expectSound(sides);
  });
});
