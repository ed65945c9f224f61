import { expect, test } from "vitest";
import { git } from "../support/git.ts";
import { startNodeGitServer, type RecordedRequest } from "../support/git-server.ts";
import { checkRefHistory, installRefLog } from "../support/ref-log.ts";
import { commit, createRepository, refsOf, setRef, updateRefs } from "../support/repository.ts";
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

/**
 * Let another pusher in between our listing and our push: the first `times` pushes find `ref` moved to what
 * `$next` names. A hook runs in a quarantine, in which no ref may be changed; the other pusher is outside of it.
 */
async function moveTargetFirst(sides: TwoSides, ref: string, next: string, times = 1): Promise<void> {
  await installHook(
    sides.target,
    "pre-receive",
    `[ "$(ls rivals 2>/dev/null | wc -l)" -ge ${times} ] && exit 0
mkdir -p rivals; touch "rivals/$$"
unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
git update-ref ${ref} ${next}`,
  );
}

/** Source and target equal at a commit that has two children at the target, unreferenced; then the source moves. */
async function readyToPush(sides: TwoSides): Promise<{ base: string; rival: string; next: string }> {
  const base = await commit(sides.source, "refs/heads/main", { a: "1" });
  await sides.sync();
  const rival = await commit(sides.target, "refs/rivals/one", { r: "1" }, { parents: [base] });
  const next = await commit(sides.source, "refs/heads/main", { a: "2" });
  return { base, rival, next };
}

describeWays("a target that somebody else moves between our listing and our push", (way) => {
  test("is planned anew: a move that lost its lease is no fast-forward any more", async () => {
    await using sides = await twoSides(way);
    const { rival } = await readyToPush(sides);
    await moveTargetFirst(sides, "refs/heads/main", rival);
    const failure = await failureOf(sides.sync());
    expect(failure.code).toBe("REFS_BLOCKED");
    expect(outcomes(failure.result)).toEqual(["refs/heads/main: not-attempted (not-fast-forward)"]);
    expect((await refsOf(sides.target)).get("refs/heads/main")).toBe(rival);
    await expectSound(sides);
  });

  test("is overwritten in replicate mode, in the same run", async () => {
    await using sides = await twoSides(way);
    const { rival, next } = await readyToPush(sides);
    await moveTargetFirst(sides, "refs/heads/main", rival);
    const retries: string[] = [];
    const result = await sides.replicate({
      observer: (event) => void (event.type === "retry" && retries.push(event.reason)),
    });
    expect(outcomes(result)).toEqual(["refs/heads/main: applied (replicate-overwrite)"]);
    expect(retries).toHaveLength(1);
    expect((await refsOf(sides.target)).get("refs/heads/main")).toBe(next);
    await expectSound(sides);
  });

  test("to where we wanted it is success", async () => {
    await using sides = await twoSides(way);
    const { base, next } = await readyToPush(sides);
    // The rival mirrors the same source and is faster.
    await git(["fetch", "--quiet", sides.source, "refs/heads/main:refs/rivals/same"], { cwd: sides.target });
    await moveTargetFirst(sides, "refs/heads/main", next);
    expect((await refsOf(sides.target)).get("refs/heads/main")).toBe(base);
    const result = await sides.sync();
    expect(result.execution.converged).toBe(true);
    expect((await refsOf(sides.target)).get("refs/heads/main")).toBe(next);
    await expectSound(sides);
  });

  test("does not hold up refs that nobody else moved, and they are reported", async () => {
    await using sides = await twoSides(way);
    const { rival, next } = await readyToPush(sides);
    await setRef(sides.source, "refs/heads/extra", next);
    await moveTargetFirst(sides, "refs/heads/main", rival);
    const result = await sides.sync({ policy: { bestEffort: true } });
    expect(outcomes(result)).toEqual([
      "refs/heads/extra: applied (create)",
      "refs/heads/main: not-attempted (not-fast-forward)",
    ]);
    expect(result.counts.applied).toBe(1);
  });

  test("again and again is given up as a lost lease", async () => {
    await using sides = await twoSides(way);
    const { base, rival } = await readyToPush(sides);
    await moveTargetFirst(
      sides,
      "refs/heads/main",
      `$([ "$(git rev-parse refs/heads/main)" = ${rival} ] && echo ${base} || echo ${rival})`,
      100,
    );
    const failure = await failureOf(sides.replicate());
    expect(failure).toMatchObject({ code: "LEASE_LOST", retryable: true });
    expect(outcomes(failure.result)).toEqual(["refs/heads/main: lease-lost (lease-lost)"]);
    expect([base, rival]).toContain((await refsOf(sides.target)).get("refs/heads/main"));
    await expectSound(sides);
  });
});

/** The pack request that follows the listing of a run. */
function isFetch(request: RecordedRequest): boolean {
  return request.service === "git-upload-pack" && !request.isListing;
}

test("a source that is rewritten and pruned between listing and pack is planned anew in the same run", async () => {
  await using folder = temporaryFolder();
  await using server = await startNodeGitServer(folder.path);
  const source = await createRepository(folder.join("source.git"));
  const target = await createRepository(folder.join("target.git"));
  await commit(source, "refs/heads/main", { a: "1" });
  let posts = 0;
  server.intercept(async (request) => {
    if (!isFetch(request)) return;
    posts += 1;
    if (posts !== 2) return; // The first lists.
    await commit(source, "refs/heads/main", { b: "2" }, { parents: [] });
    await git(["gc", "--quiet", "--prune=now"], { cwd: source });
  });
  const client = openClient();
  const result = await client.sync({
    source: { url: `${server.url}/source.git` },
    target: { url: `${server.url}/target.git` },
  });
  expect(result.execution.converged).toBe(true);
  expect(await refsOf(target)).toEqual(await refsOf(source));
  await client.close();
});

describeWays("a ref that somebody else makes at the target during a run", (way) => {
  test("survives a prune that was planned without it", async () => {
    await using sides = await twoSides(way);
    const { rival, next } = await readyToPush(sides);
    await setRef(sides.source, "refs/heads/old", next);
    await sides.replicate();
    await git(["update-ref", "-d", "refs/heads/old"], { cwd: sides.source });
    await commit(sides.source, "refs/heads/main", { a: "3" });
    await moveTargetFirst(sides, "refs/tags/made-meanwhile", rival);
    await sides.replicate({ policy: { prune: true } });
    expect([...(await refsOf(sides.target, "refs/heads", "refs/tags")).keys()]).toEqual([
      "refs/heads/main",
      "refs/tags/made-meanwhile",
    ]);
  });
});

describeWays("two runs of the same mirror at once", (way) => {
  test("both end well, and the target is equal", async () => {
    await using sides = await twoSides(way);
    await commit(sides.source, "refs/heads/main", { a: "1" });
    await sides.replicate();
    const logs = [await installRefLog(sides.source), await installRefLog(sides.target)] as const;
    for (let step = 0; step < 5; step += 1) {
      await commit(sides.source, "refs/heads/main", { a: `again ${step}` });
      await commit(sides.source, `refs/heads/b${step}`, { b: `${step}` });
      const results = await Promise.all([sides.replicate(), sides.replicate(), sides.replicate()]);
      expect(results.map(({ execution }) => execution.converged)).toEqual([true, true, true]);
      expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    }
    expect(await checkRefHistory(logs[0], logs[1])).toEqual([]);
    await expectSound(sides);
  });
});

describeWays("while the source keeps moving", (way) => {
  test("every value that a target ref takes was a value of its source ref, in the source's order", async () => {
    await using sides = await twoSides(way);
    const base = await commit(sides.source, "refs/heads/main", { a: "0" });
    await commit(sides.target, "refs/heads/own", { o: "1" });
    const logs = [await installRefLog(sides.source), await installRefLog(sides.target)] as const;
    const own = (await refsOf(sides.target)).get("refs/heads/own");
    const move = async (): Promise<void> => {
      for (let step = 1; step <= 12; step += 1) {
        await commit(
          sides.source,
          "refs/heads/main",
          { a: `${step}` },
          step % 4 === 0 ? { parents: [base] } : {},
        );
        await updateRefs(sides.source, [
          [`refs/heads/b${step % 3}`, step % 5 === 0 ? undefined : base],
          [`refs/tags/t${step % 4}`, await git(["rev-parse", "main"], { cwd: sides.source })],
        ]).catch(() => undefined); // A branch that is not there cannot be deleted.
      }
    };
    const mirror = async (): Promise<void> => {
      for (let run = 0; run < 8; run += 1) {
        await sides.replicate({
          scope: { excludeRefs: ["refs/heads/own"] },
          policy: { prune: true, bestEffort: true, maxDeletes: { count: 100, percent: 100 } },
        });
      }
    };
    await Promise.all([move(), mirror()]);
    await mirror();
    expect(await checkRefHistory(logs[0], logs[1], { isManaged: (ref) => ref !== "refs/heads/own" })).toEqual(
      [],
    );
    const atRest = new Map(await refsOf(sides.source));
    if (own !== undefined) atRest.set("refs/heads/own", own);
    expect(await refsOf(sides.target)).toEqual(new Map([...atRest].toSorted(([a], [b]) => (a < b ? -1 : 1))));
    await expectSound(sides);
  });
});
