import type { SyncEvent, SyncResult } from "@gitsync/engine";
import { describe, expect, test } from "vitest";
import { git } from "../support/git.ts";
import { noise } from "../support/noise.ts";
import { installRefLog } from "../support/ref-log.ts";
import { commit, copyRepository, createRepository, fsck, refsOf, setRef } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { describeWays, expectSound, failureOf, openClient, outcomes, twoSides } from "./two-sides.ts";

/** A trunk of so many commits with a file of noise each. */
async function growTrunk(repository: string, commits: number, bytes = 20_000): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < commits; n += 1)
    ids.push(await commit(repository, "refs/heads/main", { [`f${n % 5}`]: noise(bytes, `${bytes} ${n}`) }));
  return ids;
}

const limited = (bytes: number) => ({ config: { "receive.maxInputSize": String(bytes) } });
const batchesOf = (events: readonly SyncEvent[]): number =>
  events.filter((event) => event.type === "batch").length;

describeWays("a target that takes small packs only", (way) => {
  test("is brought forward, forced back, pruned and given notes in parts as well", async () => {
    await using sides = await twoSides(way, { target: limited(150_000) });
    const ids = await growTrunk(sides.source, 4);
    await sides.replicate({ scope: { allRefs: true } });
    for (const step of ["forward", "forced", "notes", "pruned"] as const) {
      if (step === "forward") await growTrunk(sides.source, 20, 20_001);
      if (step === "forced") {
        await setRef(sides.source, "refs/heads/main", ids[1] ?? "");
        await growTrunk(sides.source, 20, 20_002);
        await setRef(sides.source, "refs/heads/old", ids[3] ?? "");
      }
      if (step === "notes")
        for (let n = 0; n < 12; n += 1)
          await commit(sides.source, "refs/notes/commits", { [`${n}`]: noise(20_003, String(n)) });
      if (step === "pruned") {
        await git(["update-ref", "-d", "refs/heads/old"], { cwd: sides.source });
        await growTrunk(sides.source, 20, 20_004);
      }
      const result = await sides.replicate({
        scope: { allRefs: true },
        policy: { prune: true, maxDeletes: { count: 9, percent: 100 } },
      });
      expect([step, result.execution.transferMode, result.execution.converged]).toEqual([
        step,
        "batched",
        true,
      ]);
      expect(await refsOf(sides.target), step).toEqual(await refsOf(sides.source));
    }
    await expectSound(sides);
  });

  test("is not asked twice how much it takes", async () => {
    await using sides = await twoSides(way, { target: limited(150_000) });
    await growTrunk(sides.source, 20);
    await sides.replicate();
    await growTrunk(sides.source, 20, 20_001);
    const planned = await sides.plan({ policy: { mode: "replicate" } });
    expect(planned.execution).toMatchObject({ transferMode: "batched", reason: "limit-learned" });
    const events: SyncEvent[] = [];
    const result = await sides.replicate({ observer: (event) => events.push(event) });
    expect(result.execution).toMatchObject({ transferMode: "batched", reason: "limit-learned" });
    expect(result.execution.batch.done).toBeGreaterThan(3);
    expect(events.filter((event) => event.type === "retry")).toEqual([]);
    await expectSound(sides);
  });

  test("gets what fits when one commit does not, and says which one", async () => {
    await using sides = await twoSides(way, { target: limited(150_000) });
    const [first = ""] = await growTrunk(sides.source, 20);
    await setRef(sides.source, "refs/heads/big", first);
    const big = await commit(sides.source, "refs/heads/big", { big: noise(400_000) });
    await commit(sides.source, "refs/heads/big", { big: "small again" });
    const result = await sides.replicate({ policy: { bestEffort: true } });
    expect(outcomes(result)).toEqual([
      "refs/heads/big: refused (pack-too-large)",
      "refs/heads/main: applied (create)",
    ]);
    const [{ reason } = { reason: "" }] = result.refs.filter(({ outcome }) => outcome === "refused");
    expect(reason).toContain(`${big} brings `);
    expect(reason).toMatch(
      / brings has (?:more than )?[1-5]\d{5} bytes in 3 objects and cannot be divided, .*; .*Git LFS/u,
    );
    const source = await refsOf(sides.source);
    expect((await refsOf(sides.target)).get("refs/heads/main")).toBe(source.get("refs/heads/main"));
    await expectSound(sides);
  });

  test("gets nothing of a source that gives no commit but its tips, and it is said why", async () => {
    await using sides = await twoSides(way, { client: { limits: { targetMaxPackBytes: 150_000 } } });
    await growTrunk(sides.source, 20);
    const failure = await failureOf(sides.replicate({ policy: { protocol: "v1" } }));
    expect(failure.code).toBe("REFS_REFUSED");
    expect(failure.result?.refs).toMatchObject([{ outcome: "refused", code: "pack-too-large" }]);
    expect(failure.result?.refs[0]?.reason).toMatch(
      /cannot be divided, because the source did not give the commits .*protocol v2 .*--target-max-pack-bytes/u,
    );
    expect((await refsOf(sides.target)).size).toBe(0);
    await expectSound(sides);
  });

  test("gets what fits in one push when it keeps no refs of ours, and it is said why", async () => {
    await using sides = await twoSides(way, {
      target: { config: { "receive.hideRefs": "refs/gitsync" } },
      client: { limits: { targetMaxPackBytes: 100_000 } },
    });
    const ids = await growTrunk(sides.source, 12);
    await setRef(sides.source, "refs/heads/early", ids[1] ?? "");
    const log = await installRefLog(sides.target);
    const result = await sides.replicate({ policy: { bestEffort: true } });
    expect(outcomes(result)).toEqual([
      "refs/heads/early: applied (create)",
      "refs/heads/main: refused (pack-too-large)",
    ]);
    const [refused] = result.refs.filter(({ outcome }) => outcome === "refused");
    expect(refused?.reason).toMatch(
      /cannot be brought in parts because the target keeps no refs under refs\/gitsync\/ \(.*hidden ref/u,
    );
    expect((await log.changes()).map(({ ref }) => ref)).toEqual(["refs/heads/early"]);
    await expectSound(sides);
  });

  test("gets all refs or none when that was asked for", async () => {
    await using sides = await twoSides(way, { target: limited(150_000) });
    const ids = await growTrunk(sides.source, 20);
    await setRef(sides.source, "refs/heads/other", ids[9] ?? "");
    const events: SyncEvent[] = [];
    const result = await sides.replicate({
      policy: { atomic: true },
      observer: (event) => events.push(event),
    });
    expect([result.execution.converged, batchesOf(events) > 2]).toEqual([true, true]);
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });

  test.for(["first-parent", "topo"] as const)("gets merges cut by %s", async (bootstrapStrategy) => {
    await using sides = await twoSides(way, {
      target: limited(150_000),
      client: { bootstrapStrategy, limits: { targetMaxPackBytes: 120_000 } },
    });
    let [trunk = ""] = await growTrunk(sides.source, 1);
    for (let merge = 0; merge < 5; merge += 1) {
      await setRef(sides.source, "refs/heads/side", trunk);
      let side = trunk;
      for (let n = 0; n < 3; n += 1)
        side = await commit(sides.source, "refs/heads/side", { [`s${n}`]: noise(20_000, `${merge} ${n}`) });
      trunk = await commit(
        sides.source,
        "refs/heads/main",
        { t: noise(20_000, `t${merge}`) },
        { parents: [trunk, side] },
      );
    }
    const result: SyncResult = await sides.replicate();
    expect(result.execution).toMatchObject({
      transferMode: "batched",
      reason: "limit-configured",
      converged: true,
    });
    expect(result.execution.batch.done).toBeGreaterThan(3);
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });
});

describe("a limit that the operator gives", () => {
  test("is kept although the target would take more", async () => {
    await using sides = await twoSides("local", { client: { limits: { targetMaxPackBytes: 100_000 } } });
    await growTrunk(sides.source, 20);
    const planned = await sides.plan({ policy: { mode: "replicate" } });
    expect(planned.execution).toMatchObject({ transferMode: "batched", reason: "limit-configured" });
    const bytes: number[] = [0];
    const result = await sides.replicate({
      observer: (event) => {
        if (event.type === "batch") bytes.push(0);
        if (event.type === "progress" && event.side === "target") bytes[bytes.length - 1] = event.bytes;
      },
    });
    expect(result.execution.converged).toBe(true);
    expect(Math.max(...bytes)).toBeLessThanOrEqual(100_000);
    expect(result.execution.batch.done).toBeGreaterThanOrEqual(4);
    await expectSound(sides);
  });

  test("that is smaller than every commit refuses the refs and says what to do", async () => {
    await using sides = await twoSides("local", { client: { limits: { targetMaxPackBytes: 10_000 } } });
    await growTrunk(sides.source, 3);
    const failure = await failureOf(sides.replicate());
    expect(failure.result?.refs).toMatchObject([{ outcome: "refused", code: "pack-too-large" }]);
    expect(failure.result?.refs[0]?.reason).toMatch(
      /cannot be divided, but the limit that was given is 10000 bytes .*--target-max-pack-bytes/u,
    );
    expect((await refsOf(sides.target)).size).toBe(0);
  });
});

test("a limit that an earlier run was given holds no longer than that run, and what it left goes", async () => {
  await using sides = await twoSides("local");
  await growTrunk(sides.source, 12);
  await commit(sides.source, "refs/heads/main", { big: noise(200_000) });
  const narrow = openClient({ limits: { targetMaxPackBytes: 100_000 } });
  const failure = await failureOf(narrow.replicate(sides.request()));
  await narrow.close();
  expect(failure.result?.refs).toMatchObject([{ outcome: "refused", code: "pack-too-large" }]);
  expect((await refsOf(sides.target, "refs/gitsync")).size).toBeGreaterThan(0);
  const result = await sides.replicate();
  expect(result.execution).toMatchObject({ reason: "batches-unfinished", converged: true });
  expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
  await expectSound(sides);
});

test("of a ref that never fits the last part is kept, and no more with every run", async () => {
  await using sides = await twoSides("local", { target: limited(150_000) });
  const ids = await growTrunk(sides.source, 12);
  await commit(sides.source, "refs/heads/main", { big: noise(400_000) });
  const left: unknown[] = [];
  for (let run = 0; run < 3; run += 1) {
    for (let n = 0; n < 12; n += 1)
      await commit(sides.source, "refs/heads/other", { [`f${n}`]: noise(20_000, `${run} ${n}`) });
    const result = await sides.replicate({ policy: { bestEffort: true } });
    expect(result.refs).toMatchObject([
      { targetRef: "refs/heads/main", outcome: "refused", code: "pack-too-large" },
      { targetRef: "refs/heads/other", outcome: "applied" },
    ]);
    left.push([...(await refsOf(sides.target, "refs/gitsync")).values()]);
  }
  expect(left).toEqual([[ids.at(-1)], [ids.at(-1)], [ids.at(-1)]]);
  await expectSound(sides);
});

test("what a run left behind that nobody needs any more is removed by the next one", async () => {
  await using folder = temporaryFolder("leftovers");
  const source = await createRepository(folder.join("source.git"));
  const target = await copyRepository(source, folder.join("target.git"));
  const client = openClient({ limits: { targetMaxPackBytes: 100_000 } });
  const request = { source: { url: source }, target: { url: target } };
  await growTrunk(source, 20);
  const stop = new AbortController();
  const failure = await failureOf(
    client.replicate(request, {
      signal: stop.signal,
      observer: (event) => {
        if (event.type === "batch" && event.done === 2) stop.abort();
      },
    }),
  );
  expect(failure.code).toBe("ABORTED");
  const left = [...(await refsOf(target)).keys()];
  expect(left.length).toBeGreaterThan(0);
  expect(left.every((name) => name.startsWith("refs/gitsync/batch/"))).toBe(true);
  const planned = await client.plan({ ...request, policy: { mode: "replicate" } });
  expect(planned.execution).toMatchObject({ transferMode: "batched", reason: "limit-configured" });
  // Somebody else brings the branch meanwhile.
  await git(["push", "--quiet", target, "refs/heads/main"], { cwd: source });
  const result = await client.replicate(request);
  expect(result.execution).toMatchObject({ transferMode: "refs-only", reason: "leftovers-only" });
  expect(await refsOf(target)).toEqual(await refsOf(source));
  await client.close();
});

test("that takes less than it did is found out anew", async () => {
  await using sides = await twoSides("local", { target: limited(400_000) });
  await growTrunk(sides.source, 30);
  await sides.replicate();
  await git(["config", "receive.maxInputSize", "100000"], { cwd: sides.target });
  await growTrunk(sides.source, 30, 20_001);
  const events: SyncEvent[] = [];
  const result = await sides.replicate({ observer: (event) => events.push(event) });
  expect(result.execution).toMatchObject({ reason: "limit-learned", converged: true });
  // What was learned first does not outlive what was learned last.
  await growTrunk(sides.source, 30, 20_002);
  const later: SyncEvent[] = [];
  await sides.replicate({ observer: (event) => later.push(event) });
  const first = later.find((event) => event.type === "batch");
  expect(first?.limitBytes).toBeLessThan(200_000);
  await expectSound(sides);
});

/** A source and a target that holds what a run brought before it was cancelled after two parts. */
async function interrupted(folder: { readonly join: (...parts: string[]) => string }) {
  const source = await createRepository(folder.join("source.git"));
  const target = await copyRepository(source, folder.join("target.git"));
  await growTrunk(source, 20);
  const client = openClient({ limits: { targetMaxPackBytes: 100_000 } });
  const request = { source: { url: source }, target: { url: target } };
  const stop = new AbortController();
  const observer = (event: SyncEvent): void => {
    if (event.type === "batch" && event.done === 2) stop.abort();
  };
  await failureOf(client.replicate(request, { signal: stop.signal, observer }));
  await client.close();
  const left = await refsOf(target, "refs/gitsync");
  expect(left.size).toBeGreaterThan(0);
  return { source, target, request, left };
}

test("what a run left of a history that was rewritten since is removed, and nobody sees it", async () => {
  await using folder = temporaryFolder("rewritten");
  const { source, target, request } = await interrupted(folder);
  await git(["update-ref", "-d", "refs/heads/main"], { cwd: source });
  await git(["gc", "--quiet", "--prune=now"], { cwd: source });
  await growTrunk(source, 20, 20_001);
  const log = await installRefLog(target);
  const client = openClient();
  const result = await client.replicate(request);
  expect(result.execution).toMatchObject({ reason: "batches-unfinished", converged: true });
  expect(await refsOf(target)).toEqual(await refsOf(source));
  const changes = (await log.changes()).filter(({ ref }) => !ref.startsWith("refs/gitsync/"));
  expect(changes.map(({ ref }) => ref)).toEqual(["refs/heads/main"]);
  await fsck(target);
  await client.close();
});

test("what another source's run left is left alone", async () => {
  await using folder = temporaryFolder("foreign");
  const { target, left } = await interrupted(folder);
  const other = await createRepository(folder.join("other.git"));
  await growTrunk(other, 10, 20_001);
  const client = openClient();
  const result = await client.replicate({
    source: { url: other },
    target: { url: target },
    policy: { prune: true },
  });
  expect(result.execution).toMatchObject({ transferMode: "relay", converged: true });
  expect(await refsOf(target)).toEqual(new Map([...left, ...(await refsOf(other))]));
  await client.close();
});

test("two first mirrors of one target at once end well, and leave nothing", async () => {
  await using folder = temporaryFolder("racing");
  const source = await createRepository(folder.join("source.git"));
  const ids = await growTrunk(source, 40);
  for (const [name, at] of [
    ["a", 9],
    ["b", 19],
    ["c", 29],
  ] as const)
    await setRef(source, `refs/heads/${name}`, ids[at] ?? "");
  const target = await createRepository(folder.join("target.git"), limited(150_000));
  const log = await installRefLog(target);
  const clients = [openClient(), openClient({ limits: { targetMaxPackBytes: 90_000 } })];
  const request = { source: { url: source }, target: { url: target } };
  const results = await Promise.all(clients.map((client) => client.replicate(request)));
  expect(results.map(({ execution }) => execution.converged)).toEqual([true, true]);
  expect(await refsOf(target)).toEqual(await refsOf(source));
  const changes = (await log.changes()).filter(({ ref }) => !ref.startsWith("refs/gitsync/"));
  expect(changes.length, "each ref is written once").toBe(4);
  await fsck(target);
  for (const client of clients) await client.close();
});
