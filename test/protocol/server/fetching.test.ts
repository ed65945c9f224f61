/** Stock git fetches from our server what it lacks, and not what it has. */

import { readPackObjects } from "@gitsync/protocol";
import { describe, expect, test } from "vitest";
import { git } from "../../support/git.ts";
import type { ServiceOptions } from "../../support/protocol-server.ts";
import { commit, createRepository, refsOf, tag } from "../../support/repository.ts";
import { addOwnCommits, contentOf, objectsOf } from "../repositories.ts";
import { asked, describeWays, remoteLines, SOME_WAYS, type Stand, startStand, type Way } from "./stand.ts";

/** Objects in the last pack, as the server told the user. */
function packedObjects(stderr: string): number | undefined {
  const line = remoteLines(stderr).findLast((said) => said.startsWith("Packing "));
  return line === undefined ? undefined : Number(/\d+/.exec(line)?.[0]);
}

async function fetchAll(stand: Stand, clone: string, ...options: readonly string[]): Promise<string> {
  const { code, stderr } = await stand.tryGit(
    ["fetch", "--progress", ...options, stand.url, "+refs/*:refs/*"],
    clone,
  );
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stderr;
}

describeWays("stock git", (way) => {
  test("fetches what is new, in a thin pack, and nothing when nothing is", async () => {
    await using stand = await startStand(way);
    const clone = await stand.clone("--mirror");
    await commit(stand.source, "refs/heads/main", { "d0/new": "new\n" });
    await tag(stand.source, "fresh", "refs/heads/main", "Fresh");
    await stand.refresh();
    const sizes = packedObjects(await fetchAll(stand, clone));
    // A commit, its tree, the tree of d0, the file, the tag.
    expect(sizes).toBe(5);
    await stand.expectEqual(clone);
    stand.server.forgetRequests();
    expect(packedObjects(await fetchAll(stand, clone))).toBeUndefined();
    expect(asked(stand.server, "wants")).toEqual([]);
  });

  test("finds what is common below hundreds of its own commits", async () => {
    await using stand = await startStand(way);
    const clone = await stand.clone("--mirror");
    await addOwnCommits(clone, "refs/own/line", 100, "main~5");
    await commit(stand.source, "refs/heads/main", { "d0/new": "new\n" });
    await stand.refresh();
    stand.server.forgetRequests();
    const { code, stderr } = await stand.tryGit(
      ["fetch", "--progress", stand.url, "+refs/heads/*:refs/heads/*"],
      clone,
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(packedObjects(stderr)).toBe(4);
    const rounds = asked(stand.server, "haves");
    expect(rounds.length).toBeGreaterThan(1);
    expect(asked(stand.server, "pack").at(-1)?.common.size).toBeGreaterThan(0);
    await git(["update-ref", "-d", "refs/own/line"], { cwd: clone });
    await stand.expectEqual(clone);
  });

  test("deepens, and gets all of history in the end, as from git's own server", async () => {
    await using stand = await startStand(way);
    const ours = await stand.clone("--depth=2", "--no-single-branch");
    const theirs = await stand.cloneOfSource("--depth=2", "--no-single-branch");
    for (const option of ["--depth=5", "--deepen=2", "--shallow-since=1600003000", "--unshallow"]) {
      await stand.git(["fetch", "--quiet", option, stand.url, "+refs/heads/*:refs/heads/*"], ours);
      await stand.git(
        ["fetch", "--quiet", option, `file://${stand.source}`, "+refs/heads/*:refs/heads/*"],
        theirs,
      );
      const [we, they] = [await contentOf(ours), await contentOf(theirs)];
      expect({ option, ...we }).toEqual({ option, ...they });
    }
    await fetchAll(stand, ours);
    await stand.expectEqual(ours);
  });
});

describeWays(
  "stock git",
  (way) => {
    test("brings tags along whose commits it fetches", async () => {
      await using stand = await startStand(way);
      const clone = await stand.clone("--single-branch", "--no-tags", "--branch=main");
      await stand.git(["config", "--unset-all", "remote.origin.tagOpt"], clone);
      await commit(stand.source, "refs/heads/main", { "d0/new": "new\n" });
      await tag(stand.source, "fresh", "refs/heads/main", "Fresh");
      await stand.refresh();
      stand.server.forgetRequests();
      await stand.git(["fetch", "origin", "refs/heads/main:refs/heads/main"], clone);
      expect((await refsOf(clone)).has("refs/tags/fresh")).toBe(true);
      expect(asked(stand.server, "pack")[0]?.request.includeTag).toBe(true);
    });

    test("clones from a shallow repository what is there, and says where it ends", async () => {
      await using stand = await startStand(way, {
        policy: { filter: true },
        source: async (folder, format) => {
          const full = await createFullSource(folder.join("full.git"), format);
          const shallow = folder.join("shallow.git");
          await git([
            "clone",
            "--quiet",
            "--bare",
            "--depth=3",
            "--no-single-branch",
            `file://${full}`,
            shallow,
          ]);
          return shallow;
        },
      });
      const ours = await stand.clone("--mirror");
      const theirs = await stand.cloneOfSource("--mirror");
      expect(await contentOf(ours)).toEqual(await contentOf(theirs));
      await commit(stand.source, "refs/heads/main", { new: "new\n" });
      await stand.refresh();
      await fetchAll(stand, ours, "--update-shallow");
      await stand.expectEqual(ours);
    });

    test("is told which want is none of ours", async () => {
      await using stand = await startStand(way);
      const clone = await stand.clone("--mirror");
      const stranger = "1".repeat(way.format === "sha1" ? 40 : 64);
      const { code, stderr } = await stand.tryGit(["fetch", stand.url, stranger], clone);
      expect(code).not.toBe(0);
      // In v0 the client itself knows what was advertised.
      expect(stderr).toContain(
        way.version === 2
          ? `remote error: upload-pack: not our ref ${stranger}`
          : "Server does not allow request",
      );
    });
  },
  SOME_WAYS,
);

async function createFullSource(path: string, format: Way["format"]): Promise<string> {
  await createRepository(path, { objectFormat: format });
  for (let index = 0; index < 8; index += 1) {
    await commit(path, "refs/heads/main", { file: `${index}\n` });
    await commit(path, "refs/heads/side", { other: `${index}\n` });
  }
  return path;
}

describe("capabilities of v0 and v1", () => {
  const drop = (...names: readonly string[]): ServiceOptions => ({
    capabilities: (_, offered) => offered.filter(({ name }) => !names.includes(name)),
  });
  const ACKS: readonly (readonly [mode: string, options: ServiceOptions])[] = [
    ["no multi_ack", drop("multi_ack", "multi_ack_detailed", "no-done")],
    ["multi_ack_detailed", drop("no-done")],
    ["multi_ack_detailed and no-done where it can be", {}],
    ["side-band of 1000 bytes", drop("side-band-64k")],
    ["no side-band", drop("side-band", "side-band-64k")],
    ["no ofs-delta", drop("ofs-delta")],
    ["no thin-pack", drop("thin-pack")],
    [
      "nothing but the hash",
      { capabilities: (_, offered) => offered.filter(({ name }) => name === "object-format") },
    ],
  ];
  for (const transport of ["http", "git"] as const) {
    // Over HTTP git's client knows but the two extremes.
    const plain = transport === "git" ? [["multi_ack", drop("multi_ack_detailed", "no-done")] as const] : [];
    test.for([...ACKS, ...plain])(
      `stock git negotiates over ${transport} with %s`,
      async ([, service], { expect }) => {
        const way: Way = { transport, version: 0, format: "sha1" };
        await using stand = await startStand(way, { service });
        const clone = await stand.clone("--mirror");
        await addOwnCommits(clone, "refs/own/line", 40, "main~5");
        await commit(stand.source, "refs/heads/main", { "d0/new": "new\n" });
        await stand.refresh();
        stand.server.forgetRequests();
        await stand.git(["fetch", stand.url, "+refs/heads/*:refs/heads/*"], clone);
        expect(asked(stand.server, "pack")[0]?.common.size).toBeGreaterThan(0);
        await git(["update-ref", "-d", "refs/own/line"], { cwd: clone });
        await stand.expectEqual(clone);
      },
    );
  }

  test("a thin pack has deltas against what the client has, and they are told by offset where they can be", async () => {
    const pieces: Uint8Array[] = [];
    await using stand = await startStand(
      { transport: "git", version: 0, format: "sha1" },
      {
        service: {
          ...drop("side-band", "side-band-64k"),
          intercept: ({ kind, bytes }) => {
            if (kind === "pack") pieces.push(bytes);
          },
        },
      },
    );
    const clone = await stand.clone("--mirror");
    const whole = [...readPackObjects(Buffer.concat(pieces.splice(0)), { format: "sha1" })];
    expect(whole.length).toBe((await objectsOf(clone)).length);
    await commit(stand.source, "refs/heads/main", { "d0/new": "new\n" });
    await stand.refresh();
    await fetchAll(stand, clone);
    const thin = Buffer.concat(pieces);
    expect(() => [...readPackObjects(thin, { format: "sha1" })]).toThrow(
      expect.objectContaining({ code: "PACK_BASE_MISSING" }),
    );
    await stand.expectEqual(clone);
  });
});

describe("what v2 alone can say", () => {
  for (const transport of ["http", "git"] as const) {
    const way: Way = { transport, version: 2, format: "sha1" };

    test(`refs wanted by name, over ${transport}`, async ({ expect }) => {
      await using stand = await startStand(way, { policy: { refInWant: true, filter: true } });
      const clone = await stand.clone("--mirror", "--depth=2");
      expect(asked(stand.server, "wants")[0]?.request).toMatchObject({ wants: [], deepen: { depth: 2 } });
      expect(asked(stand.server, "wants")[0]?.request.wantRefs).toContain("refs/heads/main");
      await stand.git(["fetch", "--unshallow", stand.url, "+refs/*:refs/*"], clone);
      await stand.expectEqual(clone);
    });

    test(`a name that has gone since it was listed, over ${transport}`, async ({ expect }) => {
      await using stand = await startStand(way, {
        policy: { refInWant: true },
        service: {
          intercept: ({ kind }) => {
            if (kind === "ls-refs") stand.repository.deleteRef(stand.repository.refs()[0]?.[0] ?? never());
          },
        },
      });
      const { code, stderr } = await stand.tryGit([
        "clone",
        "--mirror",
        stand.url,
        stand.folder.join("clone"),
      ]);
      expect(code).not.toBe(0);
      expect(stderr).toContain("remote error: unknown ref refs/heads/");
    });

    test(`every packet in side-band, over ${transport}`, async ({ expect }) => {
      await using stand = await startStand(way, {
        policy: { sidebandAll: true, refInWant: true, filter: true },
      });
      const clone = await stand.clone("--mirror", "--depth=2");
      expect(asked(stand.server, "wants")[0]?.request.sidebandAll).toBe(true);
      await stand.git(["fetch", "--unshallow", stand.url, "+refs/*:refs/*"], clone);
      await stand.expectEqual(clone);
    });

    test(`a refusal where every packet is in side-band, over ${transport}`, async ({ expect }) => {
      await using stand = await startStand(way, {
        policy: { sidebandAll: true, refInWant: true },
        service: {
          intercept: ({ kind }) => {
            if (kind === "ls-refs") stand.repository.deleteRef(stand.repository.refs()[0]?.[0] ?? never());
          },
        },
      });
      const { code, stderr } = await stand.tryGit([
        "clone",
        "--mirror",
        stand.url,
        stand.folder.join("clone"),
      ]);
      expect(code).not.toBe(0);
      expect(stderr).toContain("remote error: unknown ref refs/heads/");
    });

    test(`what is common, and no pack, over ${transport}`, async ({ expect }) => {
      await using stand = await startStand(way);
      const clone = await stand.clone("--mirror");
      await addOwnCommits(clone, "refs/own/line", 20, "main~5");
      await stand.git(["remote", "set-url", "origin", stand.url], clone);
      const common = await stand.git(
        ["fetch", "--negotiate-only", "--negotiation-tip=refs/own/line", "origin"],
        clone,
      );
      expect(common.split("\n")).toContain(await git(["rev-parse", "main~5"], { cwd: clone }));
      const theirs = await git(["rev-list", "main"], { cwd: stand.source });
      expect(common.split("\n").filter((oid) => !theirs.includes(oid))).toEqual([]);
      expect(asked(stand.server, "wants").at(-1)?.request).toMatchObject({ wants: [], waitForDone: true });
    });

    test(`options for the server, over ${transport}`, async ({ expect }) => {
      await using stand = await startStand(way, { policy: { serverOptions: true } });
      await stand.git(["ls-remote", "-o", "hello", "-o", "a=b", stand.url]);
      await stand.git(["clone", "--bare", "--server-option=deep", stand.url, stand.folder.join("clone")]);
      expect(asked(stand.server, "ls-refs")[0]?.capabilities.getAll("server-option")).toEqual([
        "hello",
        "a=b",
      ]);
      expect(asked(stand.server, "wants")[0]?.capabilities.getAll("server-option")).toEqual(["deep"]);
    });

    test(`session ids of both sides, over ${transport}`, async ({ expect }) => {
      await using stand = await startStand(way, { policy: { sessionId: "ours-1" } });
      const options = ["-c", "transfer.advertiseSID=true"];
      await stand.git([...options, "clone", "--bare", stand.url, stand.folder.join("clone")]);
      expect(asked(stand.server, "wants")[0]?.capabilities.get("session-id")).toMatch(/^\d{8}T\d{6}/);
    });

    test(`no packs elsewhere for a client that would take them, over ${transport}`, async ({ expect }) => {
      await using stand = await startStand(way);
      const clone = stand.folder.join("clone");
      await stand.git(["-c", "fetch.uriProtocols=https", "clone", "--mirror", stand.url, clone]);
      await stand.expectEqual(clone);
      expect(asked(stand.server, "pack")).toHaveLength(1);
    });
  }
});

function never(): never {
  throw new Error("no ref is left");
}
