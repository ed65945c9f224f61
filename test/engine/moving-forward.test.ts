import { expect, test } from "vitest";
import { git } from "../support/git.ts";
import { noise } from "../support/noise.ts";
import {
  commit,
  copyRepository,
  countObjects,
  objectFilesOf,
  refsOf,
  setRef,
  tag,
  updateRefs,
} from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { fetchesOf, pushedPackSizes } from "./pushed-packs.ts";
import { openScriptedHost } from "./remotes/scripted-host.ts";
import { describeWays, expectSound, failureOf, outcomes, twoSides } from "./two-sides.ts";

const NOISE = noise(300_000);

test("of one commit more, exactly that commit travels", async () => {
  await using rig = await openScriptedHost();
  await git(["config", "uploadpack.allowFilter", "true"], { cwd: rig.source });
  const files = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`d${n % 4}/f${n}`, `${n}\n`]));
  const before = await commit(rig.source, "refs/heads/main", files);
  await rig.relay({ mode: "sync" });
  const after = await commit(rig.source, "refs/heads/main", { "d1/f5": "changed\n" });
  rig.host.forgetRequests();
  await rig.relay({ mode: "sync" });
  // The commit, its tree, the folder's tree and the file.
  expect(await countObjects(rig.source, [after], [before])).toBe(4);
  expect(pushedPackSizes(rig.host)).toEqual([4]);
  expect(fetchesOf(rig.host).filter((text) => !text.includes("filter tree:0"))).toHaveLength(1);
  expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
});

test("of a new branch beside others, only what it adds travels, in one fetch", async () => {
  await using rig = await openScriptedHost();
  const main = await commit(rig.source, "refs/heads/main", { "a/b": "1", "c/d": "2", "e/f": "3" });
  await rig.relay({ mode: "sync" });
  const side = await commit(rig.source, "refs/heads/side", { "a/b": "4" }, { parents: [main] });
  rig.host.forgetRequests();
  expect(outcomes(await rig.relay({ mode: "sync" }))).toEqual(["refs/heads/side: applied (create)"]);
  expect(pushedPackSizes(rig.host)).toEqual([await countObjects(rig.source, [side], [main])]);
  expect(fetchesOf(rig.host)).toHaveLength(1);
  expect(fetchesOf(rig.host)[0]).toContain(`have ${main}`);
  expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
});

test.for([
  ["on the newest commit", "refs/heads/main", {}],
  ["on an old one", "refs/heads/main~2", {}],
  ["where refs may be forced and pruned", "refs/heads/main~1", { force: "with-lease", prune: true }],
] as const)("of a new annotated tag %s, the tag alone travels", async ([, name, policy]) => {
  await using rig = await openScriptedHost({}, { includeTags: true, ...policy });
  for (const a of ["2", "3"]) await commit(rig.source, "refs/heads/main", { a });
  await rig.relay({ mode: "sync" });
  await tag(rig.source, "v1", await git(["rev-parse", name], { cwd: rig.source }), "One");
  rig.host.forgetRequests();
  expect(outcomes(await rig.relay({ mode: "sync" }))).toEqual(["refs/tags/v1: applied (create)"]);
  expect(pushedPackSizes(rig.host)).toEqual([1]);
  expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
});

test("over local paths, of one commit more exactly that commit travels", async () => {
  await using sides = await twoSides("local");
  const before = await commit(sides.source, "refs/heads/main", { "a/b": "1", "c/d": "2" });
  await sides.sync();
  const after = await commit(sides.source, "refs/heads/main", { "a/b": "3" });
  const objects: number[] = [];
  await sides.sync({
    observer: (event) =>
      void (event.type === "progress" && event.objects !== undefined && objects.push(event.objects)),
  });
  expect(objects.at(-1)).toBe(await countObjects(sides.source, [after], [before]));
});

describeWays("a branch that moved forward", (way) => {
  for (const allowFilter of ["true", "false"] as const) {
    const filter = `with uploadpack.allowFilter ${allowFilter}`;
    const source = { config: { "uploadpack.allowFilter": allowFilter } };

    test(`is updated, ${filter}`, async () => {
      await using sides = await twoSides(way, { source });
      await commit(sides.source, "refs/heads/main", { a: "1" });
      await sides.sync();
      await commit(sides.source, "refs/heads/main", { a: "2" });
      await commit(sides.source, "refs/heads/main", { a: "3" });
      expect(outcomes(await sides.sync())).toEqual(["refs/heads/main: applied (fast-forward)"]);
      expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
      await expectSound(sides);
    });

    test(`is updated when the way there leads over a merge, ${filter}`, async () => {
      await using sides = await twoSides(way, { source });
      const base = await commit(sides.source, "refs/heads/main", { a: "1" });
      const side = await commit(sides.source, "refs/heads/side", { b: "1" }, { parents: [base] });
      await sides.sync();
      const next = await commit(sides.source, "refs/heads/main", { a: "2" });
      const merge = await commit(sides.source, "refs/heads/main", {}, { parents: [next, side] });
      await setRef(sides.source, "refs/heads/side", merge);
      expect(outcomes(await sides.sync())).toEqual([
        "refs/heads/main: applied (fast-forward)",
        "refs/heads/side: applied (fast-forward)",
      ]);
      expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
      await expectSound(sides);
    });

    test(`is updated when the target has its new tip under another name, ${filter}`, async () => {
      await using sides = await twoSides(way, { source });
      const old = await commit(sides.source, "refs/heads/main", { a: "1" });
      const tip = await commit(sides.source, "refs/heads/ahead", { a: "2" }, { parents: [old] });
      await sides.sync();
      await setRef(sides.source, "refs/heads/main", tip);
      expect(outcomes(await sides.sync())).toEqual(["refs/heads/main: applied (fast-forward)"]);
      await expectSound(sides);
    });

    test(`is updated when another branch of the target was in between, ${filter}`, async () => {
      await using sides = await twoSides(way, { source });
      const line = [await commit(sides.source, "refs/heads/main", { a: "1" })];
      for (const a of ["2", "3", "4"]) line.push(await commit(sides.source, "refs/heads/main", { a }));
      const at = (main: number, ahead: number) =>
        updateRefs(sides.source, [
          ["refs/heads/main", line[main]],
          ["refs/heads/ahead", line[ahead]],
        ]);
      await at(0, 1);
      await sides.sync();
      await at(2, 3);
      expect(outcomes(await sides.sync())).toEqual([
        "refs/heads/ahead: applied (fast-forward)",
        "refs/heads/main: applied (fast-forward)",
      ]);
      await expectSound(sides);
    });

    test(`is updated together with seven others, ${filter}`, async () => {
      await using sides = await twoSides(way, { source });
      const names = Array.from({ length: 8 }, (_, n) => `refs/heads/b${n}`);
      for (const name of names) await commit(sides.source, name, { [name]: "1" });
      await sides.sync();
      for (const name of names) await commit(sides.source, name, { [name]: "2" });
      expect(outcomes(await sides.sync())).toEqual(names.map((name) => `${name}: applied (fast-forward)`));
      expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
      await expectSound(sides);
    });

    test(`is told from one that went back, side by side, ${filter}`, async () => {
      await using sides = await twoSides(way, { source });
      const base = await commit(sides.source, "refs/heads/ahead", { a: "1" });
      await commit(sides.source, "refs/heads/back", { b: "1" }, { parents: [base] });
      await commit(sides.source, "refs/heads/beside", { c: "1" }, { parents: [base] });
      await sides.sync();
      await commit(sides.source, "refs/heads/ahead", { a: "2" });
      await setRef(sides.source, "refs/heads/back", base);
      await commit(sides.source, "refs/heads/beside", { c: "2" }, { parents: [base] });
      expect(outcomes(await sides.sync({ policy: { bestEffort: true } }))).toEqual([
        "refs/heads/ahead: applied (fast-forward)",
        "refs/heads/back: not-attempted (not-fast-forward)",
        "refs/heads/beside: not-attempted (not-fast-forward)",
      ]);
      await expectSound(sides);
    });

    test(`holds for notes, which are commits too, ${filter}`, async () => {
      await using sides = await twoSides(way, { source });
      const first = await commit(sides.source, "refs/heads/main", { a: "1" });
      await git(["notes", "add", "-m", "one", first], { cwd: sides.source });
      await sides.sync({ scope: { allRefs: true } });
      await git(["notes", "append", "-m", "two", first], { cwd: sides.source });
      expect(outcomes(await sides.sync({ scope: { allRefs: true } }))).toEqual([
        "refs/notes/commits: applied (fast-forward)",
      ]);
      await expectSound(sides);
    });
  }

  test("is planned without downloading file content", async () => {
    await using sides = await twoSides(way, { source: { config: { "uploadpack.allowFilter": "true" } } });
    await commit(sides.source, "refs/heads/main", { a: "1" });
    await sides.sync();
    await commit(sides.source, "refs/heads/main", { big: NOISE });
    await sides.forgetRequests();
    const objects = await objectFilesOf(sides.target);
    const plan = await sides.plan({ collectStats: true });
    expect(outcomes(plan)).toEqual(["refs/heads/main: planned (fast-forward)"]);
    expect(plan.execution).toMatchObject({ dryRun: true, transferMode: "relay", relay: true });
    expect(plan.stats.sides.find(({ label }) => label === "source")?.bytes).toBeLessThan(20_000);
    for (const { responseBytes } of await sides.requestsOf(sides.source))
      expect(responseBytes).toBeLessThan(10_000);
    expect(await objectFilesOf(sides.target)).toEqual(objects);
  });
});

test("a plan agrees with git on every pair of a tangled history", async () => {
  await using sides = await twoSides("local");
  // A ladder: two lines that merge crosswise at every third step.
  const left = [await commit(sides.source, "refs/heads/tmp", { l: "0" }, { parents: [] })];
  const right = [await commit(sides.source, "refs/heads/tmp", { r: "0" }, { parents: [] })];
  for (let step = 1; step < 7; step += 1) {
    const [l, r] = [left.at(-1) ?? "", right.at(-1) ?? ""];
    const crossed = step % 3 === 0;
    left.push(
      await commit(sides.source, "refs/heads/tmp", { l: `${step}` }, { parents: crossed ? [l, r] : [l] }),
    );
    right.push(await commit(sides.source, "refs/heads/tmp", { r: `${step}` }, { parents: [r] }));
  }
  const commits = [...left, ...right];
  const pairs = commits.flatMap((old, a) =>
    commits.map((next, b) => ({ old, next, name: `refs/heads/p-${a}-${b}` })),
  );
  const target = await copyRepository(sides.source, sides.folder.join("pairs.git"));
  const set = (repository: string, id: "old" | "next"): Promise<unknown> =>
    git(["update-ref", "--stdin"], {
      cwd: repository,
      input: pairs.map((pair) => `update ${pair.name} ${pair[id]}\n`).join(""),
    });
  await set(sides.source, "next");
  await set(target, "old");
  const ancestors = new Map<string, Set<string>>();
  for (const next of commits) {
    ancestors.set(next, new Set((await git(["rev-list", next], { cwd: sides.source })).split("\n")));
  }
  const plan = await sides.client.plan({
    source: { url: sides.source },
    target: { url: target },
    includeUnchanged: true,
  });
  const found = plan.refs.map(({ targetRef, code }) => `${targetRef} ${code}`);
  const expected = pairs.map(
    ({ old, next, name }) => `${name} ${relation(old === next, ancestors.get(next)?.has(old) === true)}`,
  );
  expect(found.filter((line) => line.startsWith("refs/heads/p-")).toSorted()).toEqual(expected.toSorted());
});

function relation(isSame: boolean, isAncestor: boolean): string {
  if (isSame) return "already-current";
  return isAncestor ? "fast-forward" : "not-fast-forward";
}

describeWith(["nginx"], "a remote source", () => {
  test("that cannot leave content out is planned as unproven, and downloaded once when it is carried out", async () => {
    await using sides = await twoSides("http");
    await commit(sides.source, "refs/heads/main", { a: "1" });
    await sides.sync();
    await commit(sides.source, "refs/heads/main", { big: NOISE });
    await sides.forgetRequests();
    expect(outcomes(await sides.plan())).toEqual(["refs/heads/main: not-attempted (ancestry-unproven)"]);
    for (const { responseBytes } of await sides.requestsOf(sides.source))
      expect(responseBytes).toBeLessThan(10_000);
    await sides.forgetRequests();
    await sides.sync();
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    const whole = (await sides.requestsOf(sides.source)).filter(
      ({ responseBytes }) => responseBytes > 100_000,
    );
    expect(whole).toHaveLength(1);
  });

  test("thirty branches that moved forward are proven, with filters off as stock git has them", async () => {
    await using sides = await twoSides("http");
    const names = Array.from({ length: 30 }, (_, n) => `refs/heads/b${String(n).padStart(2, "0")}`);
    const base = await commit(sides.source, "refs/heads/main", { a: "1" });
    for (const name of names) await commit(sides.source, name, { [name]: "1" }, { parents: [base] });
    await sides.sync();
    for (const name of names) await commit(sides.source, name, { [name]: "2" });
    const result = await sides.sync();
    expect(outcomes(result)).toEqual(names.map((name) => `${name}: applied (fast-forward)`));
  });

  test("a commit that the target cannot be proven to be behind is blocked, not pushed", async () => {
    await using sides = await twoSides("http", {
      source: { config: { "uploadpack.allowFilter": "true" } },
      client: { limits: { maxAncestryBytes: 100 } },
    });
    await commit(sides.source, "refs/heads/main", { a: "1" });
    await sides.sync();
    await commit(sides.source, "refs/heads/main", { a: "2" });
    const before = await refsOf(sides.target);
    const failure = await failureOf(sides.sync());
    expect(failure).toMatchObject({ code: "REFS_BLOCKED" });
    expect(outcomes(failure.result)).toEqual(["refs/heads/main: not-attempted (ancestry-unproven)"]);
    expect(await refsOf(sides.target)).toEqual(before);
  });
});
