/** Stock git lists and clones from our server what it lists and clones from its own. */

import { test } from "vitest";
import { git } from "../../support/git.ts";
import { refsOf } from "../../support/repository.ts";
import { contentOf } from "../repositories.ts";
import { describeWays, sharedStand, SOME_WAYS } from "./stand.ts";

describeWays("stock git", (way) => {
  const stand = sharedStand(way);

  test.for(["--symref", "--heads", "--tags --refs"])(
    "lists what is there: ls-remote %s",
    async (words, { expect }) => {
      const { url, source } = stand();
      const options = words.split(" ");
      const theirs = await stand().git(["ls-remote", ...options, `file://${source}`]);
      expect(await stand().git(["ls-remote", ...options, url])).toBe(theirs);
    },
  );

  test("lists what it asks for", async ({ expect }) => {
    const patterns = ["refs/heads/topic/0000*", "größe"];
    const listing = await stand().git(["ls-remote", stand().url, ...patterns]);
    expect(listing).toBe(await stand().git(["ls-remote", stand().source, ...patterns]));
    expect(listing.split("\n")).toHaveLength(7);
  });

  test("clones everything", async ({ expect }) => {
    const clone = await stand().clone("--mirror");
    await stand().expectEqual(clone);
    expect(await refsOf(clone)).toEqual(await refsOf(stand().source));
    expect(await contentOf(clone)).toEqual(await contentOf(await stand().cloneOfSource("--mirror")));
  });

  test("checks out what HEAD points to", async ({ expect }) => {
    const tree = stand().folder.join("tree");
    await stand().git(["clone", stand().url, tree]);
    expect(await git(["status", "--porcelain", "--branch"], { cwd: tree })).toBe("## main...origin/main");
    expect(await git(["symbolic-ref", "refs/remotes/origin/HEAD"], { cwd: tree })).toBe(
      "refs/remotes/origin/main",
    );
  });

  test("clones the last commits", async ({ expect }) => {
    const options = ["--depth=4", "--no-single-branch"];
    const clone = await stand().clone(...options);
    expect(await contentOf(clone)).toEqual(await contentOf(await stand().cloneOfSource(...options)));
  });

  test("clones without content", async ({ expect }) => {
    const options = ["--mirror", "--filter=blob:none"];
    const clone = await stand().clone(...options);
    expect(await contentOf(clone)).toEqual(await contentOf(await stand().cloneOfSource(...options)));
  });
});

describeWays(
  "stock git",
  (way) => {
    const stand = sharedStand(way);

    test.for([
      "--depth=1",
      "--depth=1000",
      "--shallow-since=1600004000 --no-single-branch",
      "--shallow-exclude=refs/heads/topic/00003",
      "--shallow-exclude=v00001 --shallow-since=1600002000",
    ])("cuts history where git's own server cuts it: clone %s", async (words, { expect }) => {
      const options = words.split(" ");
      const ours = await stand().clone(...options);
      expect(await contentOf(ours)).toEqual(await contentOf(await stand().cloneOfSource(...options)));
    });

    test.for([
      "blob:limit=201",
      "blob:limit=1k",
      "tree:0",
      "tree:1",
      "tree:2",
      "object:type=commit",
      "object:type=tag",
      "combine:blob:limit=1m+tree:3",
      "blob:none --depth=3",
    ])("leaves out what git's own server leaves out: clone --filter=%s", async (words, { expect }) => {
      const options = ["--mirror", ...`--filter=${words}`.split(" ")];
      const ours = await stand().clone(...options);
      expect(await contentOf(ours)).toEqual(await contentOf(await stand().cloneOfSource(...options)));
    });

    test("says why history cannot be cut", async ({ expect }) => {
      const to = stand().folder.join("nothing");
      const since = await stand().tryGit(["clone", "--shallow-since=2100000000", stand().url, to]);
      expect(since.stderr).toContain("no commits selected for shallow requests");
      const without = await stand().tryGit([
        "clone",
        "--shallow-exclude=refs/heads/nowhere",
        stand().url,
        to,
      ]);
      expect(without.stderr).toContain(
        "remote error: git upload-pack: ambiguous deepen-not: refs/heads/nowhere",
      );
    });
  },
  SOME_WAYS,
);

describeWays(
  "stock git",
  (way) => {
    const stand = sharedStand(way, { policy: { filter: true, wantAny: "reachable" } });

    test("fetches what was left out when it is needed", async ({ expect }) => {
      const clone = await stand().clone("--mirror", "--filter=blob:none");
      const tree = await stand().git(["cat-file", "-p", "main:d0"], clone);
      const [, , blob = ""] = tree.split("\n")[0]?.split(/\s/) ?? [];
      expect(await stand().git(["cat-file", "-s", blob], clone)).toBe("200");
    });
  },
  SOME_WAYS,
);
