import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { git } from "../support/git.ts";
import { generateHistory } from "../support/history.ts";
import {
  commit,
  copyRepository,
  createRepository,
  headOf,
  refsOf,
  setRef,
  tag,
} from "../support/repository.ts";
import {
  branchesAndTags,
  describeWays,
  expectSound,
  outcomes,
  twoSides,
  type TwoSides,
} from "./two-sides.ts";

/** A small history with a merge, both kinds of tag and a note. */
async function fill(sides: TwoSides): Promise<void> {
  const first = await commit(sides.source, "refs/heads/main", { "a.txt": "one\n" });
  const side = await commit(sides.source, "refs/heads/side", { "b.txt": "two\n" }, { parents: [first] });
  const second = await commit(sides.source, "refs/heads/main", { "a.txt": "three\n" });
  await commit(sides.source, "refs/heads/main", {}, { parents: [second, side], message: "Merge side" });
  await tag(sides.source, "v1", first, "First release");
  await tag(sides.source, "light", side);
  await git(["notes", "add", "-m", "Looks good", first], { cwd: sides.source });
}

describeWays("a first mirror", (way) => {
  test("makes branches and tags equal and leaves everything else out", async () => {
    await using sides = await twoSides(way);
    await fill(sides);
    const result = await sides.replicate();
    expect(await refsOf(sides.target)).toEqual(await branchesAndTags(sides.source));
    expect(outcomes(result)).toEqual([
      "refs/heads/main: applied (create)",
      "refs/heads/side: applied (create)",
      "refs/tags/light: applied (create)",
      "refs/tags/v1: applied (create)",
    ]);
    expect(result.counts).toEqual({
      applied: 4,
      skipped: 0,
      blocked: 0,
      deleted: 0,
      warned: 0,
      refused: 0,
      unknown: 0,
    });
    // One look at each side, one fetch, one push; what the target can give is not asked for.
    const asked = (await sides.requestsOf(sides.target)).map(({ method, uri }) => `${method} ${uri}`);
    expect(asked).toEqual(
      way === "http"
        ? ["GET /target.git/info/refs?service=git-receive-pack", "POST /target.git/git-receive-pack"]
        : [],
    );
    expect(await sides.requestsOf(sides.source)).toHaveLength(way === "http" ? 3 : 0);
    expect(result.execution).toMatchObject({
      dryRun: false,
      operationMode: "replicate",
      relay: true,
      transferMode: "relay",
      reason: "target-empty",
      bootstrapSuggested: true,
      converged: true,
      sourceHead: "refs/heads/main",
    });
    await expectSound(sides);
  });

  test("asks for protocol v2 and uses it", async () => {
    await using sides = await twoSides(way);
    await fill(sides);
    expect((await sides.sync()).execution.protocol).toBe("v2");
  });

  test.for(["v1", "v2"] as const)("works when only protocol %s is asked for", async (protocol) => {
    await using sides = await twoSides(way);
    await fill(sides);
    const result = await sides.replicate({ policy: { protocol } });
    expect(result.execution.protocol).toMatch(protocol === "v2" ? /^v2$/ : /^v[01]$/);
    expect(await refsOf(sides.target)).toEqual(await branchesAndTags(sides.source));
    await expectSound(sides);
  });

  test("in sync mode takes branches, and tags only when asked", async () => {
    await using sides = await twoSides(way);
    await fill(sides);
    await sides.sync();
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source, "refs/heads"));
    await sides.sync({ policy: { includeTags: true } });
    expect(await refsOf(sides.target)).toEqual(await branchesAndTags(sides.source));
    await expectSound(sides);
  });

  test("takes notes and other refs when all refs are asked for, and none of its own", async () => {
    await using sides = await twoSides(way);
    await fill(sides);
    const main = await git(["rev-parse", "refs/heads/main"], { cwd: sides.source });
    await setRef(sides.source, "refs/builds/17", main);
    await setRef(sides.source, "refs/pull/1/head", main);
    await setRef(sides.source, "refs/gitsync/archive/20200101T000000Z/heads/main", main);
    await sides.replicate({ scope: { allRefs: true } });
    const wanted = new Map(await refsOf(sides.source));
    wanted.delete("refs/gitsync/archive/20200101T000000Z/heads/main");
    wanted.delete("refs/pull/1/head");
    expect(await refsOf(sides.target)).toEqual(wanted);
    await expectSound(sides);
  });

  test("takes only the branches, patterns and mappings that are named", async () => {
    await using sides = await twoSides(way);
    await fill(sides);
    await commit(sides.source, "refs/heads/tmp/x", { x: "x" });
    const source = await refsOf(sides.source);
    await sides.sync({ scope: { branches: ["side"] } });
    expect([...(await refsOf(sides.target)).keys()]).toEqual(["refs/heads/side"]);
    await sides.sync({ scope: { mappings: [{ source: "main", target: "upstream" }] } });
    expect((await refsOf(sides.target)).get("refs/heads/upstream")).toBe(source.get("refs/heads/main"));
    await sides.sync({ scope: { includeRefs: ["refs/heads/*", "^refs/heads/tmp/*"] } });
    expect([...(await refsOf(sides.target)).keys()]).toEqual([
      "refs/heads/main",
      "refs/heads/side",
      "refs/heads/upstream",
    ]);
    await expectSound(sides);
  });

  test("an empty source leaves an empty target as it is", async () => {
    await using sides = await twoSides(way);
    const result = await sides.replicate();
    expect(result).toMatchObject({ refs: [], execution: { transferMode: "nothing", converged: true } });
    expect((await refsOf(sides.target)).size).toBe(0);
  });

  test("of a SHA-256 repository needs nothing else", async () => {
    await using sides = await twoSides(way, {
      source: { objectFormat: "sha256" },
      target: { objectFormat: "sha256" },
    });
    const first = await commit(sides.source, "refs/heads/main", { "a.txt": "one\n" });
    await tag(sides.source, "v1", first, "First");
    await sides.replicate();
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await commit(sides.source, "refs/heads/main", { "a.txt": "two\n" });
    await setRef(sides.source, "refs/heads/copy", first);
    await sides.replicate();
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });

  test("mirrors two branches whose names are not UTF-8 as two branches", async () => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { "a.txt": "one\n" });
    await commit(sides.source, "refs/heads/caf\xe9", { "a.txt": "two\n" });
    await commit(sides.source, "refs/heads/caf\xe8", { "a.txt": "three\n" });
    // The same letter in UTF-8, as bytes.
    await commit(sides.source, "refs/heads/caf\xc3\xa9", { "a.txt": "four\n" });
    const result = await sides.replicate();
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    expect(new Set(result.refs.map(({ targetRef }) => targetRef)).size).toBe(4);
    expect(result.refs.map(({ targetRef }) => targetRef)).toContain("refs/heads/café");
    await expectSound(sides);
  });

  test("copies a history with merges, tags and notes whole", async () => {
    await using sides = await twoSides(way);
    const history = await generateHistory({ commits: 800, refs: 40, tags: 20, notes: 3, seed: 7 });
    const source = await copyRepository(history, sides.folder.join("history.git"));
    const target = await createRepository(sides.folder.join("copy.git"));
    await sides.client.replicate({
      source: sides.endpoint(source),
      target: sides.endpoint(target),
      scope: { allRefs: true },
    });
    expect(await refsOf(target)).toEqual(await refsOf(source));
    expect(await git(["rev-list", "--all", "--objects", "--count"], { cwd: target })).toBe(
      await git(["rev-list", "--all", "--objects", "--count"], { cwd: source }),
    );
    await git(["fsck", "--strict", "--no-dangling"], { cwd: target });
  });

  test("sends the branch that HEAD names first", async () => {
    await using sides = await twoSides(way, { source: { defaultBranch: "trunk" } });
    await commit(sides.source, "refs/heads/a", { a: "a" });
    await commit(sides.source, "refs/heads/trunk", { t: "t" });
    await commit(sides.source, "refs/heads/z", { z: "z" });
    const result = await sides.replicate();
    expect(result.refs.map(({ targetRef }) => targetRef)).toEqual([
      "refs/heads/trunk",
      "refs/heads/a",
      "refs/heads/z",
    ]);
  });

  test("believes nothing but a second listing when asked to verify by listing", async () => {
    await using sides = await twoSides(way);
    await fill(sides);
    const phases: string[] = [];
    await sides.replicate({
      policy: { verify: "list" },
      observer: (event) => void (event.type === "phase" && phases.push(event.phase)),
    });
    expect(phases).toContain("verify");
    expect(await refsOf(sides.target)).toEqual(await branchesAndTags(sides.source));
  });
});

test.for(["sha1", "sha256"] as const)(
  "a local target that does not exist is made with the source's default branch and object format (%s)",
  async (objectFormat) => {
    await using sides = await twoSides("local", {
      source: { defaultBranch: "trunk", objectFormat },
      target: "missing",
    });
    await commit(sides.source, "refs/heads/a", { a: "a" });
    await commit(sides.source, "refs/heads/trunk", { t: "t" });
    await sides.replicate();
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    expect(await headOf(sides.target)).toBe("refs/heads/trunk");
    expect(await git(["rev-parse", "--show-object-format"], { cwd: sides.target })).toBe(objectFormat);
    expect(await git(["rev-parse", "--is-bare-repository"], { cwd: sides.target })).toBe("true");
    await expectSound(sides);
  },
);

test("a local target that does not exist is not made by a plan", async () => {
  await using sides = await twoSides("local", { target: "missing" });
  await commit(sides.source, "refs/heads/main", { a: "a" });
  const plan = await sides.plan();
  expect(plan.execution).toMatchObject({ dryRun: true, relay: true, transferMode: "relay" });
  expect(outcomes(plan)).toEqual(["refs/heads/main: planned (create)"]);
  expect(existsSync(sides.target)).toBe(false);
});
