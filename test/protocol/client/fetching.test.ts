/** Our sessions fetch from stock git what is lacking, and not what is there: every way to agree on that. */

import {
  decodePackHeader,
  FetchSession,
  type FetchPlan,
  type ObjectId,
  parseObjectId,
} from "@gitsync/protocol";
import { describe, expect, test } from "vitest";
import { git } from "../../support/git.ts";
import { shallowOf } from "../../support/protocol-server.ts";
import {
  commit,
  copyRepository,
  countObjects,
  createRepository,
  refsOf,
  tag,
} from "../../support/repository.ts";
import { addOwnCommits, contentOf, expectSound, objectsOf } from "../repositories.ts";
import {
  describeWays,
  type Fetched,
  type Host,
  SOME_WAYS,
  type Stand,
  startStand,
  store,
  storeNew,
  tipsOf,
  type Way,
} from "./stand.ts";

/** A copy of what is served, with a chain of commits of its own on top; and then something new on the server. */
async function diverge(stand: Stand, own: number): Promise<string> {
  const mirror = await copyRepository(stand.source, stand.folder.join("mirror.git"));
  if (own > 0) await addOwnCommits(mirror, "refs/own/line", own, "refs/heads/main~5");
  await commit(stand.source, "refs/heads/main", { "d0/new": "new\n" });
  await tag(stand.source, "fresh", "refs/heads/main", "Fresh");
  return mirror;
}

/** What came of {@link diverge}: a commit, its tree, the tree of d0, the file, the tag. */
const DIVERGED = 5;

/** Every commit of a repository, newest first, as its own git would tell them. */
async function havesOf(repository: string): Promise<ObjectId[]> {
  const listing = await git(["rev-list", "--all", "--date-order"], { cwd: repository });
  return listing.split("\n").map((oid) => parseObjectId(oid));
}

/** Fetch into a repository what it lacks, and set its refs. */
async function update(
  stand: Stand,
  repository: string,
  plan: Partial<FetchPlan> = {},
  without: readonly string[] = [],
): Promise<Fetched> {
  const haves = await havesOf(repository);
  const present = new Set(await objectsOf(repository));
  const fetched = await stand.fetch(
    (listing) => ({
      wants: tipsOf(listing).filter((oid) => !present.has(oid)),
      haves,
      thinPack: true,
      ofsDelta: true,
      ...plan,
    }),
    { without },
  );
  await store(repository, fetched);
  await expectSound(repository);
  return fetched;
}

async function expectMirrored(stand: Stand, mirror: string): Promise<void> {
  const ours = [...(await refsOf(mirror))].filter(([name]) => !name.startsWith("refs/own/"));
  expect(new Map(ours)).toEqual(await refsOf(stand.source));
}

describeWays("a session, of a server", (way) => {
  test("fetches what is new, in a thin pack, and an empty one when nothing is", async () => {
    await using stand = await startStand(way);
    const mirror = await diverge(stand, 0);
    const fetched = await update(stand, mirror);
    expect(decodePackHeader(fetched.pack).objectCount).toBe(DIVERGED);
    await expectMirrored(stand, mirror);
    const again = await update(stand, mirror, {
      wants: [parseObjectId(await git(["rev-parse", "main"], { cwd: mirror }))],
    });
    expect(decodePackHeader(again.pack).objectCount).toBe(0);
  });

  test("finds what is common below a hundred commits of its own", async () => {
    await using stand = await startStand(way);
    const mirror = await diverge(stand, 100);
    const fetched = await update(stand, mirror);
    expect(decodePackHeader(fetched.pack).objectCount).toBe(DIVERGED);
    expect(fetched.result.rounds).toBeGreaterThan(1);
    expect(fetched.result.common.length).toBeGreaterThan(0);
    await expectMirrored(stand, mirror);
  });

  test("deepens, and gets all of history in the end, as git's own client", async () => {
    await using stand = await startStand(way);
    const theirs = stand.folder.join("theirs.git");
    const from = `file://${stand.source}`;
    await git(["clone", "--quiet", "--mirror", "--no-single-branch", "--depth=2", from, theirs]);
    const first = await stand.fetch((listing) => ({
      wants: tipsOf(listing),
      deepen: { type: "depth", depth: 2 },
    }));
    const ours = await storeNew(stand, first);
    expect(await contentOf(ours)).toEqual(await contentOf(theirs));
    const steps: readonly (readonly [option: string, deepen: FetchPlan["deepen"]])[] = [
      ["--depth=5", { type: "depth", depth: 5 }],
      ["--deepen=2", { type: "depth", depth: 2, relative: true }],
      ["--shallow-since=1600003000", { type: "boundary", since: 1_600_003_000 }],
      ["--shallow-exclude=v00001", { type: "boundary", not: ["v00001"] }],
      ["--unshallow", { type: "depth", depth: 0x7fff_ffff }],
    ];
    for (const [option, deepen] of steps) {
      await git(["fetch", "--quiet", option, from, "+refs/*:refs/*"], { cwd: theirs });
      const shallow = await shallowOf(ours);
      const haves = await havesOf(ours);
      const fetched = await stand.fetch((listing) => ({
        wants: tipsOf(listing),
        haves,
        shallow,
        thinPack: true,
        ...(deepen === undefined ? {} : { deepen }),
      }));
      await store(ours, fetched);
      expect({ option, ...(await contentOf(ours)) }).toEqual({ option, ...(await contentOf(theirs)) });
    }
    expect(await shallowOf(ours)).toEqual([]);
    await expectSound(ours);
  });
});

describeWays(
  "a session, of a server",
  (way) => {
    test("clones from a shallow repository what is there, and learns where it ends", async () => {
      await using stand = await startStand(way, {
        source: async (folder, format) => {
          const full = await createRepository(folder.join("full.git"), { objectFormat: format });
          for (let index = 0; index < 8; index += 1) {
            await commit(full, "refs/heads/main", { file: `${index}\n` });
          }
          const shallow = folder.join("shallow.git");
          await git(["clone", "--quiet", "--bare", "--depth=3", `file://${full}`, shallow]);
          return shallow;
        },
      });
      const fetched = await stand.fetch((listing) => ({ wants: tipsOf(listing), shallow: [] }));
      const clone = await storeNew(stand, fetched);
      await expectSound(clone);
      expect(await shallowOf(clone)).toEqual(await shallowOf(stand.source));
      expect(await refsOf(clone)).toEqual(await refsOf(stand.source));
    });

    test("brings tags along whose commits it fetches", async () => {
      await using stand = await startStand(way);
      const mirror = await diverge(stand, 0);
      const haves = await havesOf(mirror);
      const fresh = parseObjectId(await git(["rev-parse", "refs/tags/fresh"], { cwd: stand.source }));
      const counts: number[] = [];
      for (const includeTag of [false, true]) {
        const fetched = await stand.fetch(({ refs }) => ({
          wants: refs.filter(({ name }) => name === "refs/heads/main").map(({ oid }) => oid),
          haves,
          includeTag,
        }));
        counts.push(decodePackHeader(fetched.pack).objectCount);
      }
      expect(counts).toEqual([DIVERGED - 1, DIVERGED]);
      await expect(git(["cat-file", "-e", fresh], { cwd: mirror })).rejects.toThrow("ended with 1");
    });

    test("gives up on a server with which it has nothing in common, and gets everything", async () => {
      await using stand = await startStand(way);
      const stranger = await createRepository(stand.folder.join("stranger.git"), {
        objectFormat: way.format,
      });
      await addOwnCommits(stranger, "refs/own/line", 40);
      const fetched = await update(stand, stranger);
      expect(fetched.result.common).toEqual([]);
      const all = await countObjects(stand.source, tipsOf(fetched.listing));
      expect(decodePackHeader(fetched.pack).objectCount).toBe(all);
    });

    test("tells all it has at once when it is told to", async () => {
      await using stand = await startStand(way);
      const mirror = await diverge(stand, 40);
      const fetched = await update(stand, mirror, { negotiation: "at-once" });
      expect(fetched.result.rounds).toBe(0);
      expect(decodePackHeader(fetched.pack).objectCount).toBe(DIVERGED);
    });

    test("closes a conversation in which it wants nothing, and the server is content", async () => {
      await using stand = await startStand(way);
      const line = stand.connect("git-upload-pack");
      const session = new FetchSession({ transport: line.transport, version: way.version });
      await line.converse(session);
      session.close();
      await line.converse(session);
      await line.hangUp();
      expect(session.status).toMatchObject({ state: "done", advertisement: { version: way.version } });
      expect(line.requests.map(({ method }) => method)).toEqual(
        line.transport === "stateless" ? ["GET"] : [],
      );
    });
  },
  SOME_WAYS,
);

describe("capabilities of v0 and v1", () => {
  const WITHOUT: readonly (readonly [mode: string, names: readonly string[]])[] = [
    ["no multi_ack", ["multi_ack", "multi_ack_detailed", "no-done"]],
    ["multi_ack", ["multi_ack_detailed", "no-done"]],
    ["multi_ack_detailed", ["no-done"]],
    ["multi_ack_detailed and no-done where it can be", []],
    ["side-band of 1000 bytes", ["side-band-64k"]],
    ["no side-band", ["side-band", "side-band-64k"]],
    ["no ofs-delta", ["ofs-delta"]],
    ["no thin-pack", ["thin-pack"]],
    ["no agent", ["agent"]],
  ];
  const ways = (["process", "daemon", "backend"] as const).flatMap((host: Host) =>
    ([0, 1] as const).map((version): Way => ({
      host,
      version,
      format: host === "daemon" ? "sha256" : "sha1",
    })),
  );
  for (const way of ways) {
    test.for(WITHOUT)(
      `a session negotiates in v${way.version} with a ${way.host} that has %s`,
      async ([mode, without], { expect }) => {
        await using stand = await startStand(way);
        const mirror = await diverge(stand, 40);
        const { line, result, pack, progress } = await update(stand, mirror, {}, without);
        expect(result.common.length).toBeGreaterThan(0);
        await expectMirrored(stand, mirror);
        expect(progress === "").toBe(mode === "no side-band");
        // Without multi_ack the first common one is all that the server tells.
        if (mode !== "no multi_ack") expect(decodePackHeader(pack).objectCount).toBe(DIVERGED);
        if (line.transport === "stateful") return;
        // Where the server may go on by itself, nobody says done.
        const last = Buffer.from(line.requests.at(-1)?.body ?? []).toString("latin1");
        const saidDone = last.endsWith("0009done\n");
        expect(saidDone).toBe(without.includes("no-done"));
      },
    );
  }
});

describe("what v2 alone can say", () => {
  for (const host of ["process", "daemon", "backend", "nginx"] as const) {
    const way: Way = { host, version: 2, format: host === "daemon" ? "sha256" : "sha1" };

    test(`refs wanted by name, of a ${host}`, async () => {
      await using stand = await startStand(way, { config: { "uploadpack.allowRefInWant": "true" } });
      const fetched = await stand.fetch(
        ({ refs }) => ({
          wants: [],
          wantRefs: refs.map(({ name }) => name).filter((name) => name !== "HEAD"),
        }),
        { list: { peel: true, prefixes: ["refs/heads/", "refs/tags/v"] } },
      );
      expect(new Map(fetched.result.wantedRefs.map(({ name, oid }) => [name, oid]))).toEqual(
        new Map(fetched.listing.refs.map(({ name, oid }) => [name, oid])),
      );
      const clone = await storeNew(stand, fetched);
      await expectSound(clone);
      expect(await refsOf(clone)).toEqual(await refsOf(stand.source, "refs/heads/", "refs/tags/v*"));
    });

    test(`what is common, and no pack, of a ${host}`, async () => {
      await using stand = await startStand(way);
      const mirror = await diverge(stand, 40);
      const line = stand.connect("git-upload-pack");
      const session = new FetchSession({ transport: line.transport });
      await line.converse(session);
      const haves = await havesOf(mirror);
      session.negotiate({ haves });
      await line.converse(session);
      await line.hangUp();
      if (session.status.state !== "done") throw new Error(`it has not ended: ${session.state}`);
      const own = (await git(["rev-list", "refs/own/line", "--not", "main"], { cwd: mirror })).split("\n");
      expect(session.status.result?.common.toSorted()).toEqual(
        haves.filter((oid) => !own.includes(oid)).toSorted(),
      );
    });

    test(`an empty repository's branch to be, of a ${host}`, async () => {
      await using stand = await startStand(way, {
        source: (folder, format) =>
          createRepository(folder.join("empty.git"), { objectFormat: format, defaultBranch: "trunk" }),
      });
      const line = stand.connect("git-upload-pack");
      const session = new FetchSession({ transport: line.transport });
      await line.converse(session);
      session.listRefs({ symrefs: true, unborn: true, prefixes: [] });
      await line.converse(session);
      expect(session.status).toMatchObject({ listing: { refs: [], unbornHead: "refs/heads/trunk" } });
      session.close();
      await line.converse(session);
      await line.hangUp();
    });
  }
});
