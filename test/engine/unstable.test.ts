import type { SyncRequest } from "@gitsync/engine";
import { createUnstableClient, type FetchRequest, type UnstableClient } from "@gitsync/engine/unstable";
import { describe, expect, test } from "vitest";
import { git, GIT_ENVIRONMENT } from "../support/git.ts";
import { commit, refsOf, tag } from "../support/repository.ts";
import { describeWays, expectSound, failureOf, outcomes, twoSides, type TwoSides } from "./two-sides.ts";

async function withClient<T>(work: (client: UnstableClient) => Promise<T>): Promise<T> {
  const client = createUnstableClient({
    egress: { addresses: "any", schemes: ["http", "file"] },
    childEnvironment: GIT_ENVIRONMENT,
  });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

const endsOf = (sides: TwoSides): Pick<SyncRequest, "source" | "target"> => {
  const { source, target } = sides.request();
  return { source, target };
};

describeWays("bootstrap", (way) => {
  test("fills a target, and may be repeated", async () => {
    await using sides = await twoSides(way);
    const first = await commit(sides.source, "refs/heads/main", { a: "1" });
    await tag(sides.source, "v1", first, "One");
    await withClient(async (client) => {
      const request = { ...endsOf(sides), includeTags: true };
      const result = await client.bootstrap(request);
      expect(outcomes(result)).toEqual([
        "refs/heads/main: applied (create)",
        "refs/tags/v1: applied (create)",
      ]);
      expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
      expect((await client.bootstrap(request)).execution).toMatchObject({
        transferMode: "nothing",
        converged: true,
      });
    });
    await expectSound(sides);
  });

  test("changes no ref that is there, also one that it could move forward", async () => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { a: "1" });
    await sides.sync();
    const before = await refsOf(sides.target);
    await commit(sides.source, "refs/heads/main", { a: "2" });
    await commit(sides.source, "refs/heads/new", { b: "1" });
    await withClient(async (client) => {
      const failure = await failureOf(client.bootstrap(endsOf(sides)));
      expect(failure.code).toBe("REFS_BLOCKED");
      expect(outcomes(failure.result)).toContain("refs/heads/main: not-attempted (already-exists)");
      expect(await refsOf(sides.target)).toEqual(before);
      const result = await client.bootstrap({ ...endsOf(sides), bestEffort: true });
      expect(outcomes(result)).toEqual([
        "refs/heads/main: not-attempted (already-exists)",
        "refs/heads/new: applied (create)",
      ]);
    });
    await expectSound(sides);
  });
});

describeWays("fetch", (way) => {
  test("brings what git counts, less what is there already", async () => {
    await using sides = await twoSides(way);
    const first = await commit(sides.source, "refs/heads/main", { a: "1", "d/b": "2" });
    await commit(sides.source, "refs/heads/old", {}, { parents: [first] });
    await commit(sides.source, "refs/heads/main", { a: "3" });
    const counted = async (...revisions: string[]): Promise<number> =>
      (await git(["rev-list", "--objects", ...revisions], { cwd: sides.source })).split("\n").length;
    await withClient(async (client) => {
      const request: FetchRequest = { source: endsOf(sides).source };
      const all = await client.fetch(request);
      expect(all.wants.map(({ name }) => name)).toEqual(["refs/heads/main", "refs/heads/old"]);
      expect([all.fetchedObjects, all.haves]).toEqual([await counted("--branches"), []]);
      const old = await git(["rev-parse", "old"], { cwd: sides.source });
      for (const have of [{ haveRefs: ["old"] }, { haveRefs: ["refs/heads/old"] }, { haves: [old] }]) {
        const rest = await client.fetch({ ...request, ...have });
        expect([rest.fetchedObjects, rest.haves]).toEqual([await counted("--branches", "^old"), [old]]);
        expect(rest.fetchedBytes).toBeLessThan(all.fetchedBytes);
      }
      const branches = { branches: ["old"] };
      const nothing = await client.fetch({ ...request, scope: branches, haveRefs: ["old"] });
      expect([nothing.fetchedObjects, nothing.wants.length]).toEqual([0, 1]);
    });
  });
});

describe("fetch with a faulty request", () => {
  test.for([
    [{ haveRefs: ["missing"] }, "SOURCE_REF_MISSING", "refs/heads/missing"],
    [{ haveRefs: ["a..b"] }, "REQUEST_INVALID", "haveRefs"],
    [{ haves: ["x".repeat(40)] }, "REQUEST_INVALID", "haves"],
    [{ prune: true }, "REQUEST_INVALID", "prune"],
  ] as const)("%o is refused", async ([changes, code, named]) => {
    await using sides = await twoSides("local");
    await commit(sides.source, "refs/heads/main", { a: "1" });
    await withClient(async (client) => {
      const request: object = { source: endsOf(sides).source, ...changes };
      const failure = await failureOf(client.fetch(request as FetchRequest));
      expect([failure.code, failure.message.includes(named)]).toEqual([code, true]);
    });
  });
});
