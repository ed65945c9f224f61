import { StaticAuthProvider } from "@gitsync/engine";
import { expect, test } from "vitest";
import { git } from "../support/git.ts";
import { startNodeGitServer } from "../support/git-server.ts";
import {
  commit,
  createRepository,
  deleteRef,
  refsOf,
  setRef,
  tag,
  updateRefs,
} from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import {
  describeWays,
  expectSound,
  failureOf,
  openClient,
  outcomes,
  twoSides,
  type TwoSides,
} from "./two-sides.ts";

const NO_GUARD = { count: 10_000, percent: 100 };

/** Source and target equal: main, old, side and a tag; then `old` and the tag go at the source. */
async function removeAtSource(sides: TwoSides): Promise<void> {
  const first = await commit(sides.source, "refs/heads/main", { a: "1" });
  await setRef(sides.source, "refs/heads/side", first);
  await commit(sides.source, "refs/heads/old", { o: "1" }, { parents: [first] });
  await tag(sides.source, "v0", first, "Zero");
  await sides.replicate();
  await deleteRef(sides.source, "refs/heads/old");
  await deleteRef(sides.source, "refs/tags/v0");
}

describeWays("a ref that is gone at the source", (way) => {
  test("stays at the target without prune", async () => {
    await using sides = await twoSides(way);
    await removeAtSource(sides);
    const before = await refsOf(sides.target);
    await sides.replicate();
    expect(await refsOf(sides.target)).toEqual(before);
  });

  test("is deleted with prune, with the rest in one run", async () => {
    await using sides = await twoSides(way);
    await removeAtSource(sides);
    await commit(sides.source, "refs/heads/main", { a: "2" });
    const result = await sides.sync({ policy: { prune: true, includeTags: true } });
    expect(outcomes(result)).toEqual([
      "refs/heads/main: applied (fast-forward)",
      "refs/heads/old: applied (source-ref-gone)",
      "refs/tags/v0: applied (source-ref-gone)",
    ]);
    expect(result.counts).toMatchObject({ applied: 1, deleted: 2 });
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });

  test("is deleted when it is all that there is to do, without a pack", async () => {
    await using sides = await twoSides(way);
    await removeAtSource(sides);
    const result = await sides.replicate({ policy: { prune: true } });
    expect(result.execution).toMatchObject({
      transferMode: "refs-only",
      relay: false,
      reason: "deletes-only",
    });
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });

  test("stays when it is a tag and tags are not asked for", async () => {
    await using sides = await twoSides(way);
    await removeAtSource(sides);
    await sides.sync({ policy: { prune: true } });
    expect([...(await refsOf(sides.target)).keys()]).toEqual([
      "refs/heads/main",
      "refs/heads/side",
      "refs/tags/v0",
    ]);
  });

  test("stays when it lies outside the branches or mappings that are named", async () => {
    await using sides = await twoSides(way);
    await removeAtSource(sides);
    const before = await refsOf(sides.target);
    await sides.sync({ scope: { branches: ["main"] }, policy: { prune: true } });
    expect(await refsOf(sides.target)).toEqual(before);
    await sides.sync({ scope: { mappings: [{ source: "main", target: "side" }] }, policy: { prune: true } });
    expect(await refsOf(sides.target)).toEqual(before);
    await sides.sync({ scope: { excludeRefPrefixes: ["refs/heads/ol"] }, policy: { prune: true } });
    expect(await refsOf(sides.target)).toEqual(before);
  });

  test("is deleted within the patterns that are named, and nowhere else", async () => {
    await using sides = await twoSides(way);
    await removeAtSource(sides);
    await commit(sides.target, "refs/heads/own/work", { w: "1" });
    await commit(sides.target, "refs/notes/commits", { n: "1" });
    await sides.sync({
      scope: { includeRefs: ["refs/heads/*", "^refs/heads/own/*"] },
      policy: { prune: true },
    });
    expect([...(await refsOf(sides.target)).keys()]).toEqual([
      "refs/heads/main",
      "refs/heads/own/work",
      "refs/heads/side",
      "refs/notes/commits",
      "refs/tags/v0",
    ]);
  });

  test("keeps a copy when destructive changes are archived", async () => {
    await using sides = await twoSides(way);
    await removeAtSource(sides);
    const old = (await refsOf(sides.target)).get("refs/heads/old");
    await sides.replicate({ policy: { prune: true, destructive: "archive" } });
    const archives = [...(await refsOf(sides.target, "refs/gitsync"))];
    expect(archives.map(([name]) => name.replace(/\d{8}T\d{6}Z/, "TIME"))).toEqual([
      "refs/gitsync/archive/TIME/heads/old",
      "refs/gitsync/archive/TIME/tags/v0",
    ]);
    expect(archives[0]?.[1]).toBe(old);
    await expectSound(sides);
  });

  test("is not deleted when the target's default branch is that ref", async () => {
    await using sides = await twoSides(way, {
      source: { defaultBranch: "trunk" },
      target: { defaultBranch: "main" },
    });
    const first = await commit(sides.source, "refs/heads/trunk", { a: "1" });
    await setRef(sides.source, "refs/heads/main", first);
    await setRef(sides.source, "refs/heads/old", first);
    await sides.replicate();
    await deleteRef(sides.source, "refs/heads/main");
    await deleteRef(sides.source, "refs/heads/old");
    const result = await sides.replicate({ policy: { prune: true, bestEffort: true } });
    expect(outcomes(result)).toEqual([
      "refs/heads/main: not-attempted (default-branch)",
      "refs/heads/old: applied (source-ref-gone)",
    ]);
    expect([...(await refsOf(sides.target)).keys()]).toEqual(["refs/heads/main", "refs/heads/trunk"]);
    await expectSound(sides);
  });

  test("is planned and not deleted by a plan", async () => {
    await using sides = await twoSides(way);
    await removeAtSource(sides);
    const before = await refsOf(sides.target);
    const plan = await sides.plan({ policy: { prune: true, includeTags: true } });
    expect(outcomes(plan)).toEqual([
      "refs/heads/old: planned (source-ref-gone)",
      "refs/tags/v0: planned (source-ref-gone)",
    ]);
    expect(await refsOf(sides.target)).toEqual(before);
  });
});

describeWays("a source that lost much", (way) => {
  async function twentyBranches(sides: TwoSides): Promise<void> {
    const first = await commit(sides.source, "refs/heads/main", { a: "1" });
    const names = Array.from({ length: 20 }, (_, n) => `refs/heads/b${n}`);
    await updateRefs(
      sides.source,
      names.map((name) => [name, first] as const),
    );
    await sides.replicate();
    await updateRefs(
      sides.source,
      names.slice(0, 15).map((name) => [name, undefined] as const),
    );
  }

  test("does not empty the target: more than maxDeletes are blocked", async () => {
    await using sides = await twoSides(way);
    await twentyBranches(sides);
    const before = await refsOf(sides.target);
    await commit(sides.source, "refs/heads/main", { a: "2" });
    const failure = await failureOf(sides.sync({ policy: { prune: true } }));
    expect(failure).toMatchObject({ code: "REFS_BLOCKED", details: { codes: ["mass-delete"] } });
    expect(await refsOf(sides.target)).toEqual(before);
    const result = await sides.sync({ policy: { prune: true, bestEffort: true } });
    expect(result.counts).toMatchObject({ applied: 1, deleted: 0, warned: 15 });
    expect((await refsOf(sides.target)).size).toBe(before.size);
  });

  test("is followed when a person approved exactly these deletes", async () => {
    await using sides = await twoSides(way);
    await twentyBranches(sides);
    const request = { policy: { prune: true, bestEffort: true } } as const;
    const { blockedPlan = "" } = (await sides.sync(request)).execution;
    expect(blockedPlan).toMatch(/^[0-9a-f]{16}$/u);
    await deleteRef(sides.source, "refs/heads/b19");
    const more = await sides.sync({ ...request, approvedPlan: blockedPlan });
    expect(more.counts.deleted).toBe(0);
    expect(more.execution.blockedPlan).not.toBe(blockedPlan);
    const done = await sides.sync({ ...request, approvedPlan: more.execution.blockedPlan ?? "" });
    expect(done.counts).toMatchObject({ deleted: 16, warned: 0 });
    expect(done.execution).toMatchObject({ converged: true });
    expect(done.execution.blockedPlan).toBeUndefined();
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
  });

  test("is followed once maxDeletes allows it: blocked only above both count and percent", async () => {
    await using sides = await twoSides(way);
    await twentyBranches(sides);
    const result = await sides.sync({ policy: { prune: true, maxDeletes: { count: 3, percent: 90 } } });
    expect(result.counts.deleted).toBe(15);
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
  });

  test("and lists no ref at all deletes nothing, whatever the policy allows", async () => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { a: "1" });
    await sides.replicate();
    await deleteRef(sides.source, "refs/heads/main");
    const before = await refsOf(sides.target);
    const policy = { prune: true, maxDeletes: NO_GUARD } as const;
    const failure = await failureOf(sides.replicate({ policy }));
    expect(failure).toMatchObject({ code: "REFS_BLOCKED", details: { codes: ["source-empty"] } });
    const result = await sides.replicate({ policy: { ...policy, bestEffort: true } });
    expect(result.counts).toMatchObject({ deleted: 0, warned: 1 });
    expect(result.execution.converged).toBe(false);
    expect(await refsOf(sides.target)).toEqual(before);
  });

  test("and offers nothing in scope, but other refs, deletes within the guard", async () => {
    await using sides = await twoSides(way);
    const first = await commit(sides.source, "refs/heads/main", { a: "1" });
    await tag(sides.source, "v1", first, "One");
    await sides.replicate();
    await deleteRef(sides.source, "refs/tags/v1");
    await sides.sync({ scope: { includeRefs: ["refs/tags/*"] }, policy: { prune: true } });
    expect([...(await refsOf(sides.target)).keys()]).toEqual(["refs/heads/main"]);
  });
});

describeWays("a name that is a folder on the other side", (way) => {
  test("is blocked without prune, and the rest goes on with best effort", async () => {
    await using sides = await twoSides(way);
    const first = await commit(sides.source, "refs/heads/a/b", { a: "1" });
    await setRef(sides.source, "refs/heads/main", first);
    await commit(sides.target, "refs/heads/a", { z: "1" });
    const before = await refsOf(sides.target);
    const failure = await failureOf(sides.sync());
    expect(failure).toMatchObject({
      code: "REFS_BLOCKED",
      details: { codes: ["directory-file-conflict"] },
    });
    expect(await refsOf(sides.target)).toEqual(before);
    const result = await sides.sync({ policy: { bestEffort: true } });
    expect(outcomes(result)).toEqual([
      "refs/heads/a/b: not-attempted (directory-file-conflict)",
      "refs/heads/main: applied (create)",
    ]);
  });

  test.for([
    ["a folder where the target has a branch", "refs/heads/a", "refs/heads/a/b"],
    ["a branch where the target has a folder", "refs/heads/a/b", "refs/heads/a"],
  ] as const)("is mirrored with prune: %s", async ([, old, next]) => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { a: "1" });
    await commit(sides.source, old, { a: "2" });
    await sides.replicate();
    await deleteRef(sides.source, old);
    await commit(sides.source, next, { a: "3" });
    await sides.replicate({ policy: { prune: true } });
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });

  test("within the plan itself blocks one of the two, and nothing is left half done", async () => {
    await using sides = await twoSides(way);
    const first = await commit(sides.source, "refs/heads/main", { a: "1" });
    await setRef(sides.source, "refs/heads/x", first);
    const result = await sides.sync({
      scope: {
        mappings: [
          { source: "main", target: "t/y" },
          { source: "x", target: "t" },
        ],
      },
      policy: { bestEffort: true },
    });
    expect(result.counts).toMatchObject({ applied: 1, warned: 1 });
    expect((await refsOf(sides.target)).size).toBe(1);
  });
});

test("nothing that a credential sees is deleted where an anonymous reader sees half of the refs", async () => {
  await using folder = temporaryFolder();
  const source = await createRepository(folder.join("source.git"));
  const target = await createRepository(folder.join("target.git"));
  const first = await commit(source, "refs/heads/main", { a: "1" });
  await updateRefs(source, [
    ["refs/heads/internal/one", first],
    ["refs/heads/internal/two", first],
    ["refs/tags/internal", first],
  ]);
  const hidden = ["refs/heads/internal", "refs/tags/internal"];
  await using server = await startNodeGitServer(folder.path, {
    // Answers anybody, as a server does that never asks who it is.
    intercept: async ({ headers, path }) => {
      if (!path.startsWith("/source.git/")) return;
      await git(["config", "--unset-all", "uploadpack.hideRefs"], { cwd: source }).catch(() => "");
      if (headers["authorization"] !== undefined) return;
      for (const name of hidden) await git(["config", "--add", "uploadpack.hideRefs", name], { cwd: source });
    },
  });
  const request = {
    source: { url: `${server.url}/source.git` },
    target: { url: `${server.url}/target.git` },
    policy: { mode: "replicate", prune: true, includeTags: true, maxDeletes: NO_GUARD },
  } as const;
  const insider = openClient({
    auth: new StaticAuthProvider({ source: { username: "bot", token: "pass" } }),
  });
  await insider.sync(request);
  const whole = await refsOf(source);
  expect(await refsOf(target)).toEqual(whole);
  await commit(source, "refs/heads/main", { a: "2" });
  const result = await insider.sync(request);
  expect(outcomes(result)).toEqual(["refs/heads/main: applied (replicate-overwrite)"]);
  expect([...(await refsOf(target)).keys()]).toEqual([...whole.keys()]);
  // The other half of the truth: the server does show a stranger less.
  const stranger = openClient();
  expect((await stranger.probe({ source: request.source, includeTags: true })).refs).toHaveLength(1);
  await Promise.all([insider.close(), stranger.close()]);
});
