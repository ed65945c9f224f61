/** Targets whose history is cut off, as `git clone --depth` leaves it. */

import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { git } from "../support/git.ts";
import { noise } from "../support/noise.ts";
import { commit, copyRepository, refsOf, setRef, tag } from "../support/repository.ts";
import { fetchesOf } from "./pushed-packs.ts";
import { openScriptedHost } from "./remotes/scripted-host.ts";
import { branchesAndTags, describeWays, twoSides, type TwoSides, type Way } from "./two-sides.ts";

const PROTOCOLS = ["v1", "v2"] as const;

type Sides = Pick<TwoSides, "source" | "target">;

/** A source of eight commits, and a target that was given the last three. Ids of all, the oldest first. */
async function makeCutOff({ source, target }: Sides): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let n = 0; n < 8; n += 1) {
    const files = { f: noise(20_000, String(n)), [`d/${n % 3}`]: `${n}\n` };
    ids.push(await commit(source, "refs/heads/main", files, n === 0 ? { parents: [] } : {}));
  }
  await git(["fetch", "--quiet", "--depth=3", `file://${source}`, "main:main"], { cwd: target });
  expect(await boundaryOf(target)).toEqual([ids[5]]);
  return ids;
}

async function cutOff(
  way: Way,
  config: Readonly<Record<string, string>> = {},
): Promise<{ readonly sides: TwoSides; readonly ids: readonly string[] }> {
  const sides = await twoSides(way, { target: { config } });
  return { sides, ids: await makeCutOff(sides) };
}

async function boundaryOf(repository: string): Promise<readonly string[]> {
  return (await readFile(`${repository}/shallow`, "utf8")).trim().split("\n");
}

async function commitsOf(repository: string, ...tips: string[]): Promise<number> {
  return Number(await git(["rev-list", "--count", ...tips], { cwd: repository }));
}

async function expectEqual({ source, target }: Sides): Promise<void> {
  expect(await branchesAndTags(target)).toEqual(await branchesAndTags(source));
  await git(["fsck", "--connectivity-only"], { cwd: target });
}

async function mergeOf(repository: string, parents: readonly string[]): Promise<string> {
  const args = ["commit-tree", `${parents[0]}^{tree}`, "-m", "Merge", ...parents.flatMap((id) => ["-p", id])];
  return git(args, { cwd: repository });
}

describeWays("a target whose history is cut off", (way) => {
  test.for(PROTOCOLS)("gets what is made on what it has, and no more (%s)", async (protocol) => {
    const { sides, ids } = await cutOff(way);
    await using _ = sides;
    const [boundary = "", inside = ""] = ids.slice(5);
    await commit(sides.source, "refs/heads/main", { new: "1" });
    await setRef(sides.source, "refs/heads/inside", inside);
    await tag(sides.source, "v2", boundary, "Two");
    await setRef(sides.source, "refs/heads/fork", boundary);
    await commit(sides.source, "refs/heads/fork", { fork: "1" });
    const result = await sides.replicate({ policy: { protocol } });
    expect(result.execution.converged).toBe(true);
    await expectEqual(sides);
    expect(await boundaryOf(sides.target)).toEqual([boundary]);
    await expect(git(["cat-file", "commit", ids[4] ?? ""], { cwd: sides.target })).rejects.toThrow(
      /bad file/u,
    );
  });

  test.for(PROTOCOLS)(
    "gets what lies behind the cut, which git push does not bring (%s)",
    async (protocol) => {
      const { sides, ids } = await cutOff(way);
      await using _ = sides;
      await setRef(sides.source, "refs/heads/old", ids[3] ?? "");
      await tag(sides.source, "v1", ids[1] ?? "", "One");
      await setRef(
        sides.source,
        "refs/heads/mixed",
        await mergeOf(sides.source, [ids[6] ?? "", ids[2] ?? ""]),
      );
      const copy = await copyRepository(sides.target, sides.folder.join("copy.git"));
      await expect(git(["push", "--quiet", copy, "old"], { cwd: sides.source })).rejects.toThrow(
        /missing necessary objects/u,
      );
      const result = await sides.replicate({ policy: { protocol } });
      expect(result.execution.converged).toBe(true);
      await expectEqual(sides);
      expect(await commitsOf(sides.target, "old")).toBe(4);
      expect((await sides.replicate({ policy: { protocol } })).execution.transferMode).toBe("nothing");
    },
  );

  test.for(PROTOCOLS)("is moved forward to what joins both sides of the cut (%s)", async (protocol) => {
    const { sides, ids } = await cutOff(way);
    await using _ = sides;
    const joined = await mergeOf(sides.source, [ids[7] ?? "", ids[2] ?? ""]);
    await setRef(sides.source, "refs/heads/main", joined);
    const result = await sides.sync({ policy: { protocol } });
    expect(result.refs).toMatchObject([{ outcome: "applied", code: "fast-forward" }]);
    await expectEqual(sides);
    expect(await commitsOf(sides.target, "main")).toBe(7);
  });

  test.for(PROTOCOLS)("is forced back across the cut, and forward again (%s)", async (protocol) => {
    const { sides, ids } = await cutOff(way);
    await using _ = sides;
    const before = await refsOf(sides.target);
    await setRef(sides.source, "refs/heads/main", ids[2] ?? "");
    await sides.replicate({ policy: { protocol } });
    await expectEqual(sides);
    expect(await commitsOf(sides.target, "main")).toBe(3);
    await setRef(sides.source, "refs/heads/main", before.get("refs/heads/main") ?? "");
    await sides.replicate({ policy: { protocol } });
    await expectEqual(sides);
  });

  test("gets what lies behind the cut in parts", async () => {
    const { sides, ids } = await cutOff(way, { "receive.maxInputSize": "60000" });
    await using _ = sides;
    await setRef(sides.source, "refs/heads/main", await mergeOf(sides.source, [ids[7] ?? "", ids[4] ?? ""]));
    const result = await sides.replicate();
    expect(result.execution).toMatchObject({ transferMode: "batched", converged: true });
    await expectEqual(sides);
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    expect(await commitsOf(sides.target, "main")).toBe(9);
  });

  test("may be cut off where the source knows no commit", async () => {
    const { sides, ids } = await cutOff(way);
    await using _ = sides;
    const other = sides.folder.join("other.git");
    await copyRepository(sides.source, other);
    for (const n of [1, 2, 3]) await commit(other, "refs/heads/other", { other: `${n}` });
    await git(["fetch", "--quiet", "--depth=2", `file://${other}`, "other:other"], { cwd: sides.target });
    expect(await boundaryOf(sides.target)).toHaveLength(2);
    await setRef(sides.source, "refs/heads/old", ids[3] ?? "");
    const result = await sides.sync();
    expect(result.execution.converged).toBe(true);
    await git(["fsck", "--connectivity-only"], { cwd: sides.target });
    expect(await commitsOf(sides.target, "old")).toBe(4);
  });
});

test.for([
  ["of protocol v0", true, false],
  ["of protocol v0 that cannot be told of the cut", false, false],
  ["of protocol v2 that cannot be told of the cut", false, true],
] as const)("a source %s brings both sides of the cut", async ([, takesShallow, isV2]) => {
  const capability = isV2 ? "fetch=shallow" : " shallow ";
  await using rig = await openScriptedHost({
    hearsGitProtocol: () => isV2,
    intercept: ({ path, isListing }) =>
      takesShallow || !path.startsWith("/source.git/") || !isListing
        ? undefined
        : {
            type: "rewrite",
            rewrite: (body) => {
              const text = body.toString("latin1");
              expect(text).toContain(capability);
              return Buffer.from(
                text.replace(capability, capability.replace("shallow", "strange")),
                "latin1",
              );
            },
          },
  });
  const ids = await makeCutOff(rig);
  await setRef(rig.source, "refs/heads/old", ids[3] ?? "");
  await commit(rig.source, "refs/heads/main", { new: "1" });
  const { execution } = await rig.fetch();
  expect(execution).toMatchObject({ protocol: isV2 ? "v2" : "v0", converged: true });
  await expectEqual(rig);
  const asked = fetchesOf(rig.host).at(-1);
  expect(asked?.includes(`shallow ${ids[5]}`)).toBe(takesShallow);
  // Whoever does not know of the cut would take what is behind it for known.
  expect(asked?.includes(`have ${ids[7]}`)).toBe(takesShallow);
});
