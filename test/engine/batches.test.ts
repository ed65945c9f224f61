import { mkdir, symlink } from "node:fs/promises";
import type { SyncEvent, SyncResult } from "@gitsync/engine";
import { describe, expect, test } from "vitest";
import { startNginxGitServer, type LoggedRequest } from "../support/git-server.ts";
import { git } from "../support/git.ts";
import { generateHistory } from "../support/history.ts";
import { noise } from "../support/noise.ts";
import {
  commit,
  copyRepository,
  createRepository,
  fsck,
  leftoversOf,
  refsOf,
  setRef,
} from "../support/repository.ts";
import { describeWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { describeWays, expectSound, failureOf, openClient, outcomes, twoSides } from "./two-sides.ts";

describeWith(["nginx"], "a first mirror of fifty thousand commits", () => {
  test.for([
    { by: "receive.maxInputSize", allowFilter: "true" },
    { by: "receive.maxInputSize", allowFilter: "false" },
    { by: "client_max_body_size", allowFilter: "true" },
    { by: "client_max_body_size", allowFilter: "false" },
  ])(
    "to a target that takes a tenth of its pack succeeds without any option ($by, filter $allowFilter)",
    { timeout: 120_000 },
    async ({ by, allowFilter }) => {
      await using folder = temporaryFolder("batches");
      const history = await generateHistory({
        commits: 51_000,
        refs: 40,
        tags: 30,
        notes: 5,
        fileBytes: 120,
      });
      await mkdir(folder.join("from"));
      await symlink(history, folder.join("from", "source.git"));
      const limit = Math.floor((await packBytes(history)) / 10);
      const isByGit = by === "receive.maxInputSize";
      const target = await createRepository(folder.join("to", "target.git"), {
        config: isByGit ? { "receive.maxInputSize": String(limit) } : {},
      });
      await using here = await startNginxGitServer({
        root: folder.join("from"),
        receivePack: false,
        config: { "uploadpack.allowFilter": allowFilter },
      });
      await using there = await startNginxGitServer({
        root: folder.join("to"),
        ...(isByGit ? {} : { clientMaxBodySize: String(limit) }),
      });
      const client = openClient();
      const result = await client.replicate({
        source: { url: `${here.url}/source.git` },
        target: { url: `${there.url}/target.git` },
        scope: { allRefs: true },
      });
      expect(result.execution).toMatchObject({
        transferMode: "batched",
        reason: "limit-met",
        converged: true,
      });
      const { planned, done } = result.execution.batch;
      expect([planned === done, done > 10]).toEqual([true, true]);
      // One that only asks who we are has no pack.
      const pushes = (await there.requests()).filter(
        ({ method, requestBytes }) => method === "POST" && requestBytes > 1_024,
      );
      expect(pushes.length).toBeLessThan(40);
      expect(largestOf(pushes)).toBeLessThanOrEqual(limit + 4_096);
      expect(await refsOf(target)).toEqual(await refsOf(history));
      expect(await leftoversOf(target)).toEqual([]);
      await fsck(target);
      await client.close();
    },
  );
});

/** A pack of all refs, as git makes it. */
async function packBytes(repository: string): Promise<number> {
  const list = await git(["count-objects", "-v"], { cwd: repository });
  return 1_024 * Number(/^size-pack: (\d+)$/mu.exec(list)?.[1]);
}

/** Of the pushes that were taken. */
function largestOf(pushes: readonly LoggedRequest[]): number {
  return Math.max(...pushes.filter(({ status }) => status === 200).map(({ requestBytes }) => requestBytes));
}

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

  test("gets what fits when one commit does not", async () => {
    await using sides = await twoSides(way, { target: limited(150_000) });
    const [first = ""] = await growTrunk(sides.source, 20);
    await setRef(sides.source, "refs/heads/big", first);
    await commit(sides.source, "refs/heads/big", { big: noise(400_000) });
    const result = await sides.replicate({ policy: { bestEffort: true } });
    expect(outcomes(result)).toEqual([
      "refs/heads/big: refused (pack-too-large)",
      "refs/heads/main: applied (create)",
    ]);
    const source = await refsOf(sides.source);
    expect((await refsOf(sides.target)).get("refs/heads/main")).toBe(source.get("refs/heads/main"));
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
    expect(failure.result?.refs[0]?.reason).toMatch(/cannot be divided .*; raise the target's limit/u);
    expect((await refsOf(sides.target)).size).toBe(0);
  });
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
