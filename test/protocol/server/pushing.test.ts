/** Stock git pushes to our server, and hears what became of it. */

import { describe, expect, test } from "vitest";
import { git, gitBytes } from "../../support/git.ts";
import { commit, copyRepository, refsOf, setRef, tag } from "../../support/repository.ts";
import {
  asked,
  describeWays,
  type GitOutcome,
  remoteLines,
  SOME_WAYS,
  type Stand,
  startStand,
  type Way,
} from "./stand.ts";

/** A repository of a user who has what the server has. */
function userOf(stand: Stand): Promise<string> {
  return copyRepository(stand.source, stand.folder.join("user.git"));
}

/** `! main:refs/heads/main [remote rejected] (reason)` and the like, one per ref that is not as it was, sorted. */
function verdicts({ stdout }: GitOutcome): readonly string[] {
  return stdout
    .split("\n")
    .filter((line) => /^[ +*!-]\t/.test(line))
    .map((line) => line.replaceAll("\t", " "))
    .toSorted();
}

async function push(stand: Stand, user: string, ...args: readonly string[]): Promise<GitOutcome> {
  return stand.tryGit(["push", "--porcelain", ...args], user);
}

describeWays("stock git", (way) => {
  test("creates, moves, forces and deletes refs", async () => {
    await using stand = await startStand(way);
    const user = await userOf(stand);
    await commit(user, "refs/heads/main", { "d0/pushed": "pushed\n" });
    await commit(user, "refs/heads/new", { only: "here\n" }, { parents: [] });
    await tag(user, "pushed", "refs/heads/main", "Pushed");
    await setRef(user, "refs/heads/topic/00006", await git(["rev-parse", "main~90"], { cwd: user }));
    await git(["update-ref", "-d", "refs/heads/topic/00002"], { cwd: user });
    await setRef(
      user,
      Buffer.from("refs/heads/grün").toString("latin1"),
      await git(["rev-parse", "main"], { cwd: user }),
    );
    const outcome = await push(stand, user, "--mirror", stand.url);
    expect(outcome).toMatchObject({ code: 0 });
    expect(verdicts(outcome).map((line) => line.slice(0, 2))).toEqual(["  ", "* ", "* ", "* ", "+ ", "- "]);
    await stand.expectEqual(user);
  });

  test("fills an empty repository", async () => {
    await using stand = await startStand(way, { source: emptySource });
    const user = stand.folder.join("user.git");
    await git(["init", "--quiet", "--bare", "--initial-branch=main", `--object-format=${way.format}`, user]);
    await commit(user, "refs/heads/main", { a: "a\n" });
    expect(await push(stand, user, stand.url, "main")).toMatchObject({ code: 0 });
    await stand.expectEqual(user);
  });
});

async function emptySource(folder: Stand["folder"], format: Way["format"]): Promise<string> {
  const path = folder.join("empty.git");
  await git(["init", "--quiet", "--bare", "--initial-branch=main", `--object-format=${format}`, path]);
  return path;
}

describeWays(
  "stock git",
  (way) => {
    test("moves refs without any object, and deletes without any pack", async () => {
      await using stand = await startStand(way);
      const user = await userOf(stand);
      const created = await push(stand, user, stand.url, "main:refs/heads/copy");
      expect(verdicts(created)).toEqual(["* refs/heads/main:refs/heads/copy [new branch]"]);
      const deleted = await push(stand, user, stand.url, ":refs/heads/copy", ":refs/tags/v00001");
      expect(verdicts(deleted)).toEqual(["- :refs/heads/copy [deleted]", "- :refs/tags/v00001 [deleted]"]);
      expect(asked(stand.server, "update").map(({ hasPack }) => hasPack)).toEqual([true, false]);
    });

    test("is told when a ref moved meanwhile, and nothing is overwritten", async () => {
      await using stand = await startStand(way);
      const user = await userOf(stand);
      const ref = stand.repository.refs().find(([name]) => name === "refs/heads/topic/00001");
      const moved = stand.repository.refs().find(([name]) => name === "refs/heads/topic/00002");
      if (ref === undefined || moved === undefined) throw new Error("no such refs");
      stand.server.options = {
        intercept: ({ kind }) => {
          if (kind === "advertisement") stand.repository.setRef(ref[0], moved[1]);
        },
      };
      const outcome = await push(
        stand,
        user,
        stand.url,
        "+main:refs/heads/topic/00001",
        "main:refs/heads/fine",
      );
      expect(outcome.code).toBe(1);
      expect(verdicts(outcome)).toEqual([
        "! refs/heads/main:refs/heads/topic/00001 [remote rejected] (failed to update ref)",
        "* refs/heads/main:refs/heads/fine [new branch]",
      ]);
      expect(remoteLines(outcome.stderr)).toEqual([
        `error: cannot lock ref 'refs/heads/topic/00001': is at ${moved[1]} but expected ${ref[1]}`,
      ]);
      expect(stand.repository.ref(ref[0])).toBe(moved[1]);
    });

    test("gets all or nothing where it asks for that", async () => {
      await using stand = await startStand(way, { policy: { atomic: true, hiddenRefs: ["refs/pull/"] } });
      const user = await userOf(stand);
      const before = stand.repository.refs();
      await commit(user, "refs/heads/main", { new: "new\n" });
      const outcome = await push(stand, user, "--atomic", stand.url, "main", "main:refs/pull/1/head");
      expect(outcome.code).toBe(1);
      expect(verdicts(outcome)).toEqual([
        "! refs/heads/main:refs/heads/main [remote rejected] (atomic transaction failed)",
        "! refs/heads/main:refs/pull/1/head [remote rejected] (deny updating a hidden ref)",
      ]);
      expect(stand.repository.refs()).toEqual(before);
      const without = await push(stand, user, stand.url, "main", "main:refs/pull/1/head");
      expect(verdicts(without).map((line) => line.slice(0, 1))).toEqual([" ", "!"]);
      expect(stand.repository.refs()).not.toEqual(before);
    });

    test("gives options to hooks, and hears what hooks say", async () => {
      const heard: string[][] = [];
      await using stand = await startStand(way, {
        policy: { pushOptions: true },
        service: {
          hooks: {
            preReceive: ({ pushOptions }) => {
              heard.push([...pushOptions]);
              return { output: "Checking…\nthe second line\n" };
            },
            update: ({ ref }) => (ref.endsWith("/no") ? "hook declined" : undefined),
            postReceive: () => "Visit https://example.com/\u001b[31mred\n",
          },
        },
      });
      const user = await userOf(stand);
      const outcome = await push(
        stand,
        user,
        "-o",
        "ci.skip",
        "-o",
        "a=b c",
        stand.url,
        "main:refs/heads/yes",
        "main:refs/heads/no",
      );
      expect(heard).toEqual([["ci.skip", "a=b c"]]);
      expect(verdicts(outcome)).toEqual([
        "! refs/heads/main:refs/heads/no [remote rejected] (hook declined)",
        "* refs/heads/main:refs/heads/yes [new branch]",
      ]);
      expect(remoteLines(outcome.stderr)).toEqual([
        "Checking…",
        "the second line",
        "Visit https://example.com/\u001b[31mred",
      ]);
    });

    test("is refused by a hook as a whole", async () => {
      await using stand = await startStand(way, {
        service: {
          hooks: { preReceive: () => ({ output: "Not today.\n", refusal: "pre-receive hook declined" }) },
        },
      });
      const user = await userOf(stand);
      await commit(user, "refs/heads/main", { new: "new\n" });
      const { size } = stand.repository.objects;
      const outcome = await push(stand, user, stand.url, "main", ":refs/tags/v00001");
      expect(verdicts(outcome)).toEqual([
        "! :refs/tags/v00001 [remote rejected] (pre-receive hook declined)",
        "! refs/heads/main:refs/heads/main [remote rejected] (pre-receive hook declined)",
      ]);
      expect(stand.repository.objects.size).toBe(size);
    });

    test("is refused what the repository never does", async () => {
      await using stand = await startStand(way, {
        policy: { denyNonFastForwards: true, denyDeletes: true },
      });
      const user = await userOf(stand);
      const outcome = await push(
        stand,
        user,
        "--force",
        stand.url,
        "main~9:refs/heads/main",
        ":refs/tags/v00001",
        "main:refs/heads/topic",
        "main:refs/heads/main/sub",
        "of-a-blob:refs/heads/blob",
      );
      expect(verdicts(outcome)).toEqual([
        "! :refs/tags/v00001 [remote rejected] (deletion prohibited)",
        "! main~9:refs/heads/main [remote rejected] (non-fast-forward)",
        "! refs/heads/main:refs/heads/main/sub [remote rejected] (failed to update ref)",
        "! refs/heads/main:refs/heads/topic [remote rejected] (failed to update ref)",
        "! refs/tags/of-a-blob:refs/heads/blob [remote rejected] (failed to update ref)",
      ]);
    });

    test("sends a thin pack, or a whole one to a server that cannot complete it", async () => {
      for (const noThin of [false, true]) {
        await using stand = await startStand(way, { policy: { noThin } });
        const user = await userOf(stand);
        await commit(user, "refs/heads/main", { "d0/f9": `${"text ".repeat(200)}\n` });
        await commit(user, "refs/heads/main", { "d0/f9": `${"text ".repeat(201)}\n` });
        expect(await push(stand, user, stand.url, "main")).toMatchObject({ code: 0 });
        await stand.expectEqual(user);
      }
    });

    test("does not need a report to push", async () => {
      await using stand = await startStand(way, {
        service: {
          capabilities: (_, offered) => offered.filter(({ name }) => !name.startsWith("report-status")),
        },
      });
      const user = await userOf(stand);
      await commit(user, "refs/heads/main", { new: "new\n" });
      expect(await push(stand, user, stand.url, "main")).toMatchObject({ code: 0 });
      await stand.expectEqual(user);
    });

    test("does not need side-band to push", async () => {
      await using stand = await startStand(way, {
        service: { capabilities: (_, offered) => offered.filter(({ name }) => name !== "side-band-64k") },
      });
      const user = await userOf(stand);
      await commit(user, "refs/heads/main", { new: "new\n" });
      expect(verdicts(await push(stand, user, stand.url, "main", "main:refs/heads/main/x"))).toHaveLength(2);
    });
  },
  SOME_WAYS,
);

describe("a push that goes wrong", () => {
  const way: Way = { transport: "http", version: 0, format: "sha1" };

  test("changes nothing when its pack is damaged", async () => {
    await using stand = await startStand(way);
    const user = await userOf(stand);
    const before = { refs: stand.repository.refs(), objects: stand.repository.objects.size };
    const tip = await commit(user, "refs/heads/main", { new: "new\n" });
    const body = await pushBody(user, stand, tip);
    for (const fromEnd of [1, 20, 21, 40, 80]) {
      const damaged = Uint8Array.from(body);
      const at = damaged.length - fromEnd;
      damaged[at] = ~(damaged[at] ?? 0);
      expect(await post(stand, damaged)).toContain("ng refs/heads/main unpacker error");
      expect({ refs: stand.repository.refs(), objects: stand.repository.objects.size }).toEqual(before);
    }
    expect(await post(stand, body)).toContain("unpack ok");
    await stand.expectEqual(user);
  });

  test("changes nothing when it is cut, wherever that is", async () => {
    await using stand = await startStand(way);
    const user = await userOf(stand);
    const before = { refs: stand.repository.refs(), objects: stand.repository.objects.size };
    const body = await pushBody(user, stand, await commit(user, "refs/heads/main", { new: "new\n" }));
    for (let at = 0; at < body.length; at += 7) {
      await post(stand, body.subarray(0, at));
      expect({ refs: stand.repository.refs(), objects: stand.repository.objects.size }).toEqual(before);
    }
  });

  test("changes nothing when objects are missing from its pack", async () => {
    await using stand = await startStand(way);
    const user = await userOf(stand);
    const before = { refs: stand.repository.refs(), objects: stand.repository.objects.size };
    const unsent = await commit(user, "refs/heads/main", { one: "one\n" });
    const tip = await commit(user, "refs/heads/main", { two: "two\n" });
    const body = await pushBody(user, stand, tip, unsent);
    expect(await post(stand, body)).toContain("ng refs/heads/main missing necessary objects");
    expect({ refs: stand.repository.refs(), objects: stand.repository.objects.size }).toEqual(before);
  });
});

/** The body of the POST that git would make: one update of main, and a pack of what `tip` has and `known` has not. */
async function pushBody(user: string, stand: Stand, tip: string, known?: string): Promise<Buffer> {
  const present = (await refsOf(stand.source)).get("refs/heads/main") ?? "";
  const line = `${present} ${tip} refs/heads/main\0 report-status`;
  const pack = await gitBytes(["pack-objects", "--stdout", "--revs", "-q"], {
    cwd: user,
    input: `${tip}\n^${known ?? present}\n`,
  });
  const length = (line.length + 4).toString(16).padStart(4, "0");
  return Buffer.concat([Buffer.from(`${length}${line}0000`, "latin1"), pack]);
}

async function post(stand: Stand, body: Uint8Array): Promise<string> {
  const answer = await fetch(`${stand.url}/git-receive-pack`, {
    method: "POST",
    headers: { "content-type": "application/x-git-receive-pack-request" },
    body: Buffer.from(body),
  });
  return answer.text();
}
