/** Our sessions list and clone from stock git what its own client does. */

import {
  type AdvertisedRef,
  type Deepen,
  objectIdHexLength,
  parseFilterSpec,
  parseObjectId,
} from "@gitsync/protocol";
import { test } from "vitest";
import { git } from "../../support/git.ts";
import { createRepository, refsOf } from "../../support/repository.ts";
import { contentOf, expectSound } from "../repositories.ts";
import { describeWays, sharedStand, SOME_WAYS, type Stand, storeNew, tipsOf } from "./stand.ts";

/** What git's own client has when it clones the same. */
async function clonedByGit(stand: Stand, ...options: readonly string[]): Promise<object> {
  const path = stand.folder.join(`${crypto.randomUUID()}.git`);
  await git([
    "clone",
    "--quiet",
    "--mirror",
    "--no-single-branch",
    ...options,
    `file://${stand.source}`,
    path,
  ]);
  return contentOf(path);
}

describeWays("a session, of a server", (way) => {
  const stand = sharedStand(way);

  test("lists and clones everything", async ({ expect }) => {
    const fetched = await stand().fetch((listing) => ({ wants: tipsOf(listing), ofsDelta: true }));
    expect(fetched.advertisement).toMatchObject({ version: way.version, objectFormat: way.format });
    const theirs = await git(["ls-remote", "--symref", stand().source]);
    const ours = fetched.listing.refs.flatMap(({ name, oid, peeled, symrefTarget }) => [
      ...(symrefTarget === undefined ? [] : [`ref: ${symrefTarget}\t${name}`]),
      `${oid}\t${name}`,
      ...(peeled === undefined ? [] : [`${peeled}\t${name}^{}`]),
    ]);
    expect(ours).toEqual(theirs.split("\n"));
    expect(fetched.result).toMatchObject({ common: [], rounds: 0, shallowInfo: { shallow: [] } });
    expect(fetched.progress).toContain("Counting objects");
    const clone = await storeNew(stand(), fetched);
    await expectSound(clone);
    expect(await refsOf(clone)).toEqual(await refsOf(stand().source));
    expect(await contentOf(clone)).toEqual(await clonedByGit(stand()));
  });

  test("clones the last commits", async ({ expect }) => {
    const fetched = await stand().fetch((listing) => ({
      wants: tipsOf(listing),
      deepen: { type: "depth", depth: 4 },
    }));
    expect(fetched.result.shallowInfo.shallow.length).toBeGreaterThan(0);
    const clone = await storeNew(stand(), fetched);
    await expectSound(clone);
    expect(await contentOf(clone)).toEqual(await clonedByGit(stand(), "--depth=4"));
  });

  test("clones without content", async ({ expect }) => {
    const fetched = await stand().fetch((listing) => ({
      wants: tipsOf(listing),
      filter: parseFilterSpec("blob:none"),
      noProgress: true,
    }));
    expect(fetched.progress).not.toContain("Counting objects");
    const clone = await storeNew(stand(), fetched, "objects");
    expect(await contentOf(clone)).toEqual(await clonedByGit(stand(), "--filter=blob:none"));
  });
});

describeWays(
  "a session, of a server",
  (way) => {
    const stand = sharedStand(way);

    test.for<readonly [options: string, deepen: Deepen]>([
      ["--shallow-since=1600004000", { type: "boundary", since: 1_600_004_000 }],
      ["--shallow-exclude=refs/heads/topic/00003", { type: "boundary", not: ["refs/heads/topic/00003"] }],
      [
        "--shallow-exclude=v00001 --shallow-exclude=refs/heads/topic/00001 --shallow-since=1600002000",
        { type: "boundary", not: ["v00001", "refs/heads/topic/00001"], since: 1_600_002_000 },
      ],
      ["--depth=1000", { type: "depth", depth: 1000 }],
    ])("has history cut where git has it cut: %s", async ([options, deepen], { expect }) => {
      const fetched = await stand().fetch(({ refs }) => ({ wants: [mainOf(refs).oid], deepen }));
      const listing = { ...fetched.listing, refs: [mainOf(fetched.listing.refs)] };
      const clone = await storeNew(stand(), { ...fetched, listing });
      const theirs = await createRepository(stand().folder.join(`${crypto.randomUUID()}.git`), {
        objectFormat: way.format,
      });
      const from = [`file://${stand().source}`, "refs/heads/main:refs/heads/main"];
      await git(["fetch", "--quiet", "--no-tags", ...options.split(" "), ...from], { cwd: theirs });
      await expectSound(clone);
      expect(await contentOf(clone)).toEqual(await contentOf(theirs));
    });

    test.for(["blob:limit=201", "tree:1", "object:type=commit", "combine:blob:limit=1m+tree:3"])(
      "has left out what git has left out: %s",
      async (filter, { expect }) => {
        const fetched = await stand().fetch((listing) => ({
          wants: tipsOf(listing),
          filter: parseFilterSpec(filter),
        }));
        const clone = await storeNew(stand(), fetched, "objects");
        expect(await contentOf(clone)).toEqual(await clonedByGit(stand(), `--filter=${filter}`));
      },
    );

    test("does not take for success what the server breaks off without a word", async ({ expect }) => {
      await expect(
        stand().fetch((listing) => ({
          wants: tipsOf(listing),
          deepen: { type: "boundary", not: ["refs/heads/nowhere"] },
        })),
      ).rejects.toMatchObject({ code: "STREAM_TRUNCATED" });
    });

    test("is told which want is not there", async ({ expect }) => {
      const stranger = parseObjectId("1".repeat(objectIdHexLength(way.format)));
      await expect(stand().fetch(() => ({ wants: [stranger] }))).rejects.toMatchObject({
        code: "REMOTE_ERROR",
        details: { message: expect.stringContaining(`not our ref ${stranger}`) },
      });
    });
  },
  SOME_WAYS,
);

function mainOf(refs: readonly AdvertisedRef[]): AdvertisedRef {
  const main = refs.find(({ name }) => name === "refs/heads/main");
  if (main === undefined) throw new Error("there is no main");
  return main;
}
