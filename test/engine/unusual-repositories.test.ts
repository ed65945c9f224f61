import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readPackObjects } from "@gitsync/protocol";
import { expect, test } from "vitest";
import { git } from "../support/git.ts";
import {
  commit,
  copyRepository,
  createRepository,
  fsck,
  refsOf,
  setRef,
  tag,
} from "../support/repository.ts";
import { fetchesOf, pushesOf } from "./pushed-packs.ts";
import { openScriptedHost } from "./remotes/scripted-host.ts";
import { branchesAndTags, describeWays, expectSound, failureOf, outcomes, twoSides } from "./two-sides.ts";

describeWays("a target that borrows its objects from another repository", (way) => {
  test("is not sent what it borrows", async () => {
    await using sides = await twoSides(way);
    const first = await commit(sides.source, "refs/heads/main", { a: "1" });
    await tag(sides.source, "v1", first, "One");
    const lender = await copyRepository(sides.source, sides.folder.join("lender.git"));
    await writeFile(`${sides.target}/objects/info/alternates`, `${lender}/objects\n`);
    const result = await sides.replicate();
    expect(result.execution).toMatchObject({ transferMode: "refs-only", reason: "objects-present" });
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });
});

describeWays("a target with fewer abilities", (way) => {
  test("that takes no offset deltas gets a pack without them", async () => {
    const config = { "repack.useDeltaBaseOffset": "false", "receive.unpackLimit": "1" };
    await using sides = await twoSides(way, { target: { config } });
    const lines = Array.from({ length: 500 }, (_, n) => `line ${n}\n`);
    for (let step = 0; step < 6; step += 1) {
      await commit(sides.source, "refs/heads/main", { a: [...lines, `${step}\n`].join("") });
    }
    await git(["gc", "--quiet"], { cwd: sides.source });
    await sides.replicate();
    expect(await deltaKindsOf(sides.target)).toEqual(new Set(["ref-delta"]));
    await expectSound(sides);
  });

  test("that is not atomic is refused an atomic push before anything is sent", async () => {
    await using sides = await twoSides(way, { target: { config: { "receive.advertiseAtomic": "false" } } });
    await commit(sides.source, "refs/heads/main", { a: "1" });
    expect(await failureOf(sides.sync({ policy: { atomic: true } }))).toMatchObject({
      code: "ATOMIC_IMPOSSIBLE",
    });
    expect((await refsOf(sides.target)).size).toBe(0);
  });
});

test("a target that completes no thin packs is sent whole ones", async () => {
  await using rig = await openScriptedHost(
    {
      intercept: ({ service, isListing }) =>
        service === "git-receive-pack" && isListing
          ? {
              type: "rewrite",
              rewrite: (body) =>
                Buffer.from(body.toString("latin1").replace(" ofs-delta ", " no-thin x "), "latin1"),
            }
          : undefined,
    },
    { includeTags: true },
  );
  const lines = Array.from({ length: 500 }, (_, n) => `line ${n}\n`).join("");
  await commit(rig.source, "refs/heads/main", { a: lines });
  await rig.relay({ mode: "sync" });
  for (const name of ["main", "side"]) {
    const next = await commit(rig.source, "refs/heads/main", { a: `${lines}${name}\n` });
    await tag(rig.source, name, next, "One");
    await setRef(rig.source, `refs/heads/${name}`, next);
  }
  rig.host.forgetRequests();
  await rig.relay({ mode: "sync" });
  await rig.relay({ mode: "replicate" });
  const fetches = fetchesOf(rig.host).filter((text) => !text.includes("filter tree:0"));
  expect(fetches.length).toBeGreaterThan(0);
  expect(fetches.join("")).not.toContain("thin-pack");
  // What came can be read by itself.
  const [push] = pushesOf(rig.host);
  const pack = push?.body.subarray(push.body.indexOf("PACK")) ?? Buffer.alloc(0);
  expect([...readPackObjects(pack, { format: "sha1" })].length).toBeGreaterThan(4);
  expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
});

/** How the deltas of a repository's packs name their bases. */
async function deltaKindsOf(repository: string): Promise<ReadonlySet<string>> {
  const kinds = new Set<string>();
  const files = await readdir(join(repository, "objects/pack"));
  for (const file of files.filter((name) => name.endsWith(".pack"))) {
    const pack = join(repository, "objects/pack", file);
    const index = await git(["show-index"], { input: await readFile(pack.replace(/pack$/, "idx")) });
    const bytes = await readFile(pack);
    for (const line of index.split("\n")) {
      // The type of an entry is in three bits of its first byte (gitformat-pack(5)).
      const type = ((bytes[Number(line.split(" ")[0])] ?? 0) >> 4) & 7;
      if (type === 6) kinds.add("ofs-delta");
      if (type === 7) kinds.add("ref-delta");
    }
  }
  return kinds;
}

describeWays("a source whose HEAD", (way) => {
  test("names a branch that does not exist is mirrored all the same", async () => {
    await using sides = await twoSides(way, { source: { defaultBranch: "nothing" } });
    await commit(sides.source, "refs/heads/main", { a: "1" });
    const result = await sides.replicate();
    expect(result.execution.converged).toBe(true);
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
  });

  test("names a commit is mirrored all the same", async () => {
    await using sides = await twoSides(way);
    const first = await commit(sides.source, "refs/heads/main", { a: "1" });
    await commit(sides.source, "refs/heads/main", { a: "2" });
    await git(["update-ref", "--no-deref", "HEAD", first], { cwd: sides.source });
    await sides.replicate();
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });

  test("names a branch that is mapped to another name has that one sent first", async () => {
    await using sides = await twoSides(way, { source: { defaultBranch: "trunk" } });
    await commit(sides.source, "refs/heads/a", { a: "1" });
    await commit(sides.source, "refs/heads/trunk", { a: "2" });
    const mappings = [
      { source: "a", target: "a" },
      { source: "trunk", target: "zebra" },
    ];
    const result = await sides.sync({ scope: { mappings } });
    expect(result.refs.map(({ branch }) => branch)).toEqual(["zebra", "a"]);
  });
});

describeWays("symbolic refs at the source", (way) => {
  test("are mirrored as the commits that they name", async () => {
    await using sides = await twoSides(way);
    const first = await commit(sides.source, "refs/heads/main", { a: "1" });
    await git(["symbolic-ref", "refs/heads/latest", "refs/heads/main"], { cwd: sides.source });
    await sides.replicate();
    expect((await branchesAndTags(sides.target)).get("refs/heads/latest")).toBe(first);
    await expectSound(sides);
  });
});

test("a working tree is mirrored by its folder, as a user names it", async () => {
  await using sides = await twoSides("local", { target: "missing" });
  const tree = sides.folder.join("project");
  await git(["init", "--quiet", "--initial-branch=main", tree]);
  await writeFile(`${tree}/readme`, "Hello\n");
  await git(["add", "readme"], { cwd: tree });
  await git(["commit", "--quiet", "--message=First"], { cwd: tree });
  await git(["checkout", "--quiet", "-b", "topic"], { cwd: tree });
  await sides.client.replicate({ source: { url: tree }, target: { url: sides.target } });
  expect(await refsOf(sides.target)).toEqual(await refsOf(tree));
  await fsck(sides.target);
});

test("the branch that is checked out at the target is refused, and the rest applied", async () => {
  await using sides = await twoSides("local", { target: "missing" });
  const tree = sides.folder.join("project");
  await git(["init", "--quiet", "--initial-branch=main", tree]);
  await git(["commit", "--quiet", "--allow-empty", "--message=First"], { cwd: tree });
  await git(["fetch", "--quiet", tree, "main:main"], { cwd: sides.source });
  const next = await commit(sides.source, "refs/heads/main", { a: "1" });
  await setRef(sides.source, "refs/heads/other", next);
  const result = await sides.client.sync({
    source: { url: sides.source },
    target: { url: tree },
    policy: { bestEffort: true },
  });
  expect(outcomes(result)[0]).toMatch(/^refs\/heads\/main: refused \([a-z-]+\)$/);
  expect(outcomes(result)[1]).toBe("refs/heads/other: applied (create)");
  expect(await readFile(`${tree}/.git/HEAD`, "utf8")).toBe("ref: refs/heads/main\n");
});

test("names that differ in case only stay apart", async () => {
  await using sides = await twoSides("local");
  await commit(sides.source, "refs/heads/Main", { a: "1" });
  await commit(sides.source, "refs/heads/main", { a: "2" });
  const target = await createRepository(sides.folder.join("other.git"));
  await sides.client.replicate({ source: { url: sides.source }, target: { url: target } });
  expect(await refsOf(target)).toEqual(await refsOf(sides.source));
});
