import { expect, test } from "vitest";
import { git } from "../support/git.ts";
import { startNginxGitServer } from "../support/git-server.ts";
import { noise } from "../support/noise.ts";
import { commit, createRepository, refsOf, setRef, tag } from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import {
  describeWays,
  expectSound,
  failureOf,
  installHook,
  openClient,
  outcomes,
  twoSides,
  type TwoSides,
} from "./two-sides.ts";

/** Branches good, main and bad, each with a commit of its own. */
async function threeBranches(sides: TwoSides): Promise<void> {
  const first = await commit(sides.source, "refs/heads/main", { a: "1" });
  for (const name of ["bad", "good"]) {
    await commit(sides.source, `refs/heads/${name}`, { [name]: name }, { parents: [first] });
  }
}

const REFUSE_BAD = 'case "$1" in refs/heads/bad*) echo "bad is not welcome" >&2; exit 1;; esac';

describeWays("a target that refuses one ref", (way) => {
  test("has the others applied before the run fails with what was refused", async () => {
    await using sides = await twoSides(way);
    await threeBranches(sides);
    await installHook(sides.target, "update", REFUSE_BAD);
    const failure = await failureOf(sides.sync());
    expect(failure).toMatchObject({ code: "REFS_REFUSED", retryable: false });
    expect(outcomes(failure.result)).toEqual([
      "refs/heads/bad: refused (hook-declined)",
      "refs/heads/good: applied (create)",
      "refs/heads/main: applied (create)",
    ]);
    expect(failure.result?.counts).toMatchObject({ applied: 2, refused: 1 });
    expect([...(await refsOf(sides.target)).keys()]).toEqual(["refs/heads/good", "refs/heads/main"]);
    await expectSound(sides);
  });

  test("is a warning with best effort", async () => {
    await using sides = await twoSides(way);
    await threeBranches(sides);
    await installHook(sides.target, "update", REFUSE_BAD);
    const result = await sides.sync({ policy: { bestEffort: true } });
    expect(result.refs.find(({ targetRef }) => targetRef === "refs/heads/bad")).toMatchObject({
      action: "warn",
      outcome: "refused",
      code: "hook-declined",
    });
    expect(result.counts).toMatchObject({ applied: 2, refused: 1 });
    expect(result.execution.converged).toBe(false);
  });

  test("is not asked again for a ref that is held back, until its value changes", async () => {
    await using sides = await twoSides(way);
    await threeBranches(sides);
    await installHook(sides.target, "update", REFUSE_BAD);
    const policy = { bestEffort: true } as const;
    const refused = (await sides.sync({ policy })).refs.find(({ outcome }) => outcome === "refused");
    const held = { targetRef: "refs/heads/bad", sourceHash: refused?.sourceHash ?? "", reason: "a hook" };
    const quiet = await sides.sync({ policy, heldBack: [held] });
    expect(quiet.execution).toMatchObject({ transferMode: "nothing", converged: false });
    expect(quiet.refs).toMatchObject([
      { targetRef: "refs/heads/bad", action: "warn", outcome: "not-attempted", code: "quarantined" },
    ]);
    await commit(sides.source, "refs/heads/bad", { bad: "better" });
    const again = await sides.sync({ policy, heldBack: [held] });
    expect(outcomes(again)).toEqual(["refs/heads/bad: refused (hook-declined)"]);
  });

  test("has its hook's words passed on", async () => {
    await using sides = await twoSides(way);
    await threeBranches(sides);
    await installHook(sides.target, "update", `${REFUSE_BAD}; printf 'wel\\033[31mcome\\n' >&2`);
    const words: string[] = [];
    await sides.sync({
      policy: { bestEffort: true },
      observer: (event) =>
        void (event.type === "remote-message" && words.push(`${event.side}: ${event.text}`)),
    });
    expect(words.join("\n")).toContain("target: bad is not welcome");
    expect(words.join("\n")).not.toMatch(/\x1b/);
  });

  test("which it hides says so", async () => {
    await using sides = await twoSides(way, { target: { config: { "receive.hideRefs": "refs/heads/bad" } } });
    await threeBranches(sides);
    const result = await sides.sync({ policy: { bestEffort: true } });
    expect(outcomes(result)).toEqual([
      "refs/heads/bad: refused (hidden-ref)",
      "refs/heads/good: applied (create)",
      "refs/heads/main: applied (create)",
    ]);
    await expectSound(sides);
  });

  test("because a ref that it hides stands in the way says so, and is not waited for", async () => {
    await using sides = await twoSides(way, { target: { config: { "receive.hideRefs": "refs/heads/a" } } });
    await git(["config", "--add", "receive.hideRefs", "!refs/heads/a/b"], { cwd: sides.target });
    await commit(sides.source, "refs/heads/a/b", { a: "1" });
    await commit(sides.source, "refs/heads/main", { m: "1" });
    await commit(sides.target, "refs/heads/a", { own: "1" });
    const retries: string[] = [];
    const result = await sides.sync({
      policy: { bestEffort: true },
      observer: (event) => void (event.type === "retry" && retries.push(event.reason)),
    });
    expect(outcomes(result)).toEqual([
      "refs/heads/a/b: refused (directory-file-conflict)",
      "refs/heads/main: applied (create)",
    ]);
    expect(retries).toEqual([]);
    await expectSound(sides);
  });

  test.for([
    ["receive.denyNonFastForwards", "non-fast-forward-denied"],
    ["receive.denyDeletes", "deletion-denied"],
  ] as const)("by %s says which rule it was", async ([key, code]) => {
    await using sides = await twoSides(way, { target: { config: { [key]: "true" } } });
    await threeBranches(sides);
    await sides.sync();
    const [good = ""] = (await refsOf(sides.source, "refs/heads/good")).values();
    await setRef(
      sides.source,
      "refs/heads/good",
      await git(["rev-parse", `${good}^`], { cwd: sides.source }),
    );
    await git(["update-ref", "-d", "refs/heads/bad"], { cwd: sides.source });
    await commit(sides.source, "refs/heads/main", { a: "2" });
    const result = await sides.replicate({ policy: { prune: true, bestEffort: true } });
    const refused = result.refs.filter(({ outcome }) => outcome === "refused");
    expect(refused.map((ref) => ref.code)).toEqual([code]);
    expect(result.counts).toMatchObject({ refused: 1 });
    expect((await refsOf(sides.target)).get("refs/heads/main")).toBe(
      (await refsOf(sides.source)).get("refs/heads/main"),
    );
    await expectSound(sides);
  });

  test("and whole requests: the next request brings its objects again", async () => {
    await using sides = await twoSides(way, { client: { limits: { maxRefUpdates: 2 } } });
    const first = await commit(sides.source, "refs/heads/bad1", { a: "1" });
    await commit(sides.source, "refs/heads/bad2", { b: "2" }, { parents: [first] });
    await commit(sides.source, "refs/heads/good1", { c: "3" }, { parents: [first] });
    await commit(sides.source, "refs/heads/good2", { d: "4" }, { parents: [first] });
    // Declining in pre-receive throws the quarantine away, and the pack of the first request with it.
    await installHook(sides.target, "pre-receive", "! grep -q refs/heads/bad");
    const result = await sides.sync({ policy: { bestEffort: true } });
    expect(outcomes(result)).toEqual([
      "refs/heads/bad1: refused (hook-declined)",
      "refs/heads/bad2: refused (hook-declined)",
      "refs/heads/good1: applied (create)",
      "refs/heads/good2: applied (create)",
    ]);
    await expectSound(sides);
  });

  test("when atomic was asked for applies none", async () => {
    await using sides = await twoSides(way);
    await threeBranches(sides);
    await installHook(sides.target, "update", REFUSE_BAD);
    const failure = await failureOf(sides.sync({ policy: { atomic: true } }));
    expect(failure.code).toBe("REFS_REFUSED");
    expect(failure.result?.refs.map(({ outcome }) => outcome)).toEqual(["refused", "refused", "refused"]);
    expect((await refsOf(sides.target)).size).toBe(0);
    await expectSound(sides);
  });
});

describeWays("atomic", (way) => {
  test("moves, makes and deletes refs in one request", async () => {
    await using sides = await twoSides(way);
    await threeBranches(sides);
    await sides.sync();
    await commit(sides.source, "refs/heads/main", { a: "2" });
    await commit(sides.source, "refs/heads/new", { n: "1" });
    await git(["update-ref", "-d", "refs/heads/bad"], { cwd: sides.source });
    await sides.forgetRequests();
    const result = await sides.sync({ policy: { atomic: true, prune: true } });
    expect(result.counts).toMatchObject({ applied: 2, deleted: 1 });
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    const pushes = (await sides.requestsOf(sides.target)).filter(
      ({ method, uri }) => method === "POST" && uri.endsWith("/git-receive-pack"),
    );
    expect(pushes).toHaveLength(way === "http" ? 1 : 0);
    await expectSound(sides);
  });

  test("is refused before any push when one request is not enough", async () => {
    await using sides = await twoSides(way, { client: { limits: { maxRefUpdates: 2 } } });
    await threeBranches(sides);
    expect(await failureOf(sides.sync({ policy: { atomic: true } }))).toMatchObject({
      code: "ATOMIC_IMPOSSIBLE",
    });
    expect((await refsOf(sides.target)).size).toBe(0);
    await expectSound(sides);
  });
});

describeWays("a limit on size", (way) => {
  test("of our own ends the run before the target has anything", async () => {
    await using sides = await twoSides(way, { client: { limits: { maxPackBytes: 50_000 } } });
    await commit(sides.source, "refs/heads/main", { big: noise(200_000) });
    expect(await failureOf(sides.sync())).toMatchObject({ code: "PACK_LIMIT", retryable: false });
    expect((await refsOf(sides.target)).size).toBe(0);
    await expectSound(sides);
  });

  test("of our own ends a streamed run before the target has anything", async () => {
    await using sides = await twoSides(way, {
      client: { limits: { memoryBytes: 4_096, maxPackBytes: 150_000 } },
    });
    await commit(sides.source, "refs/heads/main", { big: noise(200_000) });
    expect(await failureOf(sides.sync())).toMatchObject({ code: "PACK_LIMIT" });
    expect((await refsOf(sides.target)).size).toBe(0);
    await expectSound(sides);
  });

  test("of the target is told as such, and leaves it as it was", async () => {
    await using sides = await twoSides(way, { target: { config: { "receive.maxInputSize": "50000" } } });
    await commit(sides.source, "refs/heads/main", { big: noise(200_000) });
    const failure = await failureOf(sides.sync());
    // Behind nginx a receive-pack that stops reading is a 502 without a word.
    expect(way === "local" ? ["PACK_TOO_LARGE", "REFS_REFUSED"] : ["REMOTE_UNAVAILABLE"]).toContain(
      failure.code,
    );
    expect(failure.result?.refs).toMatchObject([
      way === "local" ? { outcome: "refused", code: "pack-too-large" } : { outcome: "not-attempted" },
    ]);
    expect((await refsOf(sides.target)).size).toBe(0);
    await expectSound(sides);
  });
});

describeWith(["nginx"], "a web server in front of the target", () => {
  test.for([
    ["at once", {}],
    ["while the pack streams", { memoryBytes: 4_096 }],
  ] as const)("that takes no large requests is told as such %s", async ([, limits]) => {
    await using folder = temporaryFolder();
    await using server = await startNginxGitServer({ root: folder.path, clientMaxBodySize: "100k" });
    const source = await createRepository(folder.join("source.git"));
    const target = await createRepository(folder.join("target.git"));
    await commit(source, "refs/heads/main", { big: noise(3_000_000) });
    const client = openClient({ limits });
    const failure = await failureOf(
      client.sync({ source: { url: source }, target: { url: `${server.url}/target.git` } }),
    );
    expect(failure).toMatchObject({ code: "PACK_TOO_LARGE", retryable: false });
    expect((await refsOf(target)).size).toBe(0);
    await client.close();
  });

  test.for([1, 5_000])(
    "refuses what is too large, and no other request, with %i refs in each",
    async (refs) => {
      await using folder = temporaryFolder();
      await using server = await startNginxGitServer({ root: folder.path, clientMaxBodySize: "100k" });
      const source = await createRepository(folder.join("source.git"));
      const target = await createRepository(folder.join("target.git"));
      await commit(source, "refs/heads/big", { big: noise(300_000) });
      await commit(target, "refs/heads/gone", { a: "1" });
      const client = openClient({ limits: { maxRefUpdates: refs } });
      const result = await client.replicate({
        source: { url: source },
        target: { url: `${server.url}/target.git` },
        policy: { bestEffort: true, prune: true },
      });
      expect(outcomes(result)).toEqual([
        "refs/heads/big: refused (pack-too-large)",
        "refs/heads/gone: applied (source-ref-gone)",
      ]);
      expect((await refsOf(target)).size).toBe(0);
      await client.close();
    },
  );

  test("is told the length of a small push", async () => {
    await using sides = await twoSides("http");
    const first = await commit(sides.source, "refs/heads/main", { a: "1" });
    await tag(sides.source, "v1", first, "One");
    await sides.replicate();
    const pushes = (await sides.requestsOf(sides.target)).filter(({ method }) => method === "POST");
    expect(pushes).toHaveLength(1);
    expect(pushes[0]?.contentLength).toMatch(/^\d+$/);
  });
});
