/** What a run in parts leaves at the target: no temporary ref, and where one stays all the same, a word about it. */

import type { SyncEvent } from "@gitsync/engine";
import { expect, test } from "vitest";
import { startNodeGitServer } from "../support/git-server.ts";
import { noise } from "../support/noise.ts";
import { installRefLog } from "../support/ref-log.ts";
import { commit, createRepository, refsOf, setRef, tag } from "../support/repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import {
  describeWays,
  expectSound,
  failureOf,
  installHook,
  openClient,
  outcomes,
  twoSides,
} from "./two-sides.ts";

const LIMIT = { client: { limits: { targetMaxPackBytes: 100_000 } } } as const;

/** A branch that takes several parts. */
async function growTrunk(repository: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let n = 0; n < 12; n += 1)
    ids.push(await commit(repository, "refs/heads/main", { [`f${n}`]: noise(20_000, `${n}`) }));
  return ids;
}

/** Declines a delete among refs of our own while `marker` is not there, and makes it. */
const declineOnce = (marker: string): string => `
case "$1" in refs/gitsync/*) ;; *) exit 0;; esac
case "$3" in *[!0]*) exit 0;; esac
mkdir '${marker}' 2>/dev/null || exit 0
echo "not now" >&2
exit 1`;

describeWays("a target that does not let go of a temporary ref", (way) => {
  test("has all refs, is told of in the result, and is rid of it after the next run", async () => {
    await using sides = await twoSides(way, LIMIT);
    await growTrunk(sides.source);
    await installHook(sides.target, "update", declineOnce(sides.folder.join("declined")));
    const result = await sides.replicate();
    const left = await refsOf(sides.target, "refs/gitsync");
    expect(left.size).toBe(1);
    expect(await refsOf(sides.target, "refs/heads")).toEqual(await refsOf(sides.source));
    expect(outcomes(result)).toEqual(["refs/heads/main: applied (create)"]);
    expect(result.execution).toMatchObject({
      converged: true,
      leftovers: { count: 1, targetRef: [...left.keys()][0], code: "hook-declined" },
    });
    expect(result.execution.leftovers?.reason).toContain("not now");

    const log = await installRefLog(sides.target);
    const next = await sides.replicate();
    expect(next.execution).toMatchObject({ transferMode: "refs-only", reason: "leftovers-only" });
    expect(next.execution.leftovers).toBeUndefined();
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    expect((await log.changes()).map(({ ref }) => ref)).toEqual([...left.keys()]);
    await expectSound(sides);
  });
});

test("temporary refs stay, and the refs are as they should be, when the connection breaks at the end", async () => {
  await using folder = temporaryFolder("broken-clean-up");
  const source = await createRepository(folder.join("source.git"));
  const target = await createRepository(folder.join("target.git"));
  await growTrunk(source);
  await using server = await startNodeGitServer(folder.path);
  const request = { source: { url: source }, target: { url: `${server.url}/target.git` } };
  const client = openClient(LIMIT.client);
  const result = await client.replicate(request, {
    observer: (event) => {
      if (event.type !== "phase" || event.phase !== "clean-up") return;
      server.intercept(({ service, isListing }) =>
        service === "git-receive-pack" && !isListing ? { type: "answer", status: 500 } : undefined,
      );
    },
  });
  const left = await refsOf(target, "refs/gitsync");
  expect(left.size).toBeGreaterThan(1);
  expect(result.execution).toMatchObject({ converged: true, leftovers: { count: left.size } });
  expect(left.keys().toArray()).toContain(result.execution.leftovers?.targetRef);

  // A target that says that it takes no deletes is not asked to, and that is told, too.
  server.intercept(({ service, isListing }) =>
    service === "git-receive-pack" && isListing
      ? { type: "rewrite", rewrite: (body) => replaced(body, "delete-refs", "x-nothing-x") }
      : undefined,
  );
  expect((await client.replicate(request)).execution.leftovers).toMatchObject({
    count: left.size,
    code: "deletion-denied",
  });

  server.intercept(undefined);
  expect((await client.replicate(request)).execution.leftovers).toBeUndefined();
  expect(await refsOf(target)).toEqual(await refsOf(source));
  await client.close();
});

function replaced(body: Buffer, from: string, to: string): Buffer {
  return Buffer.from(body.toString("latin1").replace(from, to), "latin1");
}

describeWays("a target that refuses what comes after the parts", (way) => {
  test("has the others, and keeps no temporary ref", async () => {
    await using sides = await twoSides(way, LIMIT);
    const ids = await growTrunk(sides.source);
    await setRef(sides.source, "refs/heads/bad", ids[5] ?? "");
    await commit(sides.source, "refs/heads/bad", { bad: "1" });
    await commit(sides.source, "refs/heads/zoo", { zoo: "1" });
    await tag(sides.source, "v1", ids[3] ?? "", "One");
    await tag(sides.source, "bad", ids[4] ?? "", "Another");
    await installHook(sides.target, "update", 'case "$1" in */bad) echo "no $1" >&2; exit 1;; esac');
    const events: SyncEvent[] = [];
    const result = await sides.replicate({
      policy: { bestEffort: true },
      observer: (event) => events.push(event),
    });
    expect(result.execution).toMatchObject({ transferMode: "batched", converged: false });
    expect(events.filter(({ type }) => type === "batch").length).toBeGreaterThan(3);
    expect(outcomes(result)).toEqual([
      "refs/heads/bad: refused (hook-declined)",
      "refs/heads/main: applied (create)",
      "refs/heads/zoo: applied (create)",
      "refs/tags/bad: refused (hook-declined)",
      "refs/tags/v1: applied (create)",
    ]);
    expect(result.refs.filter(({ action }) => action === "warn").map(({ targetRef }) => targetRef)).toEqual([
      "refs/heads/bad",
      "refs/tags/bad",
    ]);
    expect(result.counts).toMatchObject({ applied: 3, refused: 2, warned: 2 });
    const {
      "refs/heads/bad": _,
      "refs/tags/bad": __,
      ...rest
    } = Object.fromEntries(await refsOf(sides.source));
    expect(Object.fromEntries(await refsOf(sides.target))).toEqual(rest);
    await expectSound(sides);

    const strict = await failureOf(sides.replicate());
    expect(strict).toMatchObject({ code: "REFS_REFUSED" });
    expect(outcomes(strict.result).length).toBe(2);
    expect((await refsOf(sides.target, "refs/gitsync")).size).toBe(0);
  });
});

describeWays("a target that refuses what came in parts", (way) => {
  test("keeps the last part for the run that is let through, and nothing after it", async () => {
    await using sides = await twoSides(way, LIMIT);
    await growTrunk(sides.source);
    await commit(sides.source, "refs/heads/small", { s: "1" });
    await installHook(sides.target, "update", 'case "$1" in refs/heads/main) exit 1;; esac');
    for (const run of [1, 2]) {
      const { refs, execution } = await sides.replicate({ policy: { bestEffort: true } });
      const main = refs.find(({ targetRef }) => targetRef === "refs/heads/main");
      expect([run, main?.outcome, main?.code]).toEqual([run, "refused", "hook-declined"]);
      expect(execution.leftovers).toBeUndefined();
      expect((await refsOf(sides.target, "refs/gitsync")).size).toBe(1);
    }
    await installHook(sides.target, "update", "exit 0");
    let bytes = 0;
    const result = await sides.replicate({
      observer: (event) => {
        if (event.type === "progress" && event.side === "target") bytes = Math.max(bytes, event.bytes);
      },
    });
    expect(result.execution.converged).toBe(true);
    expect(bytes, "only what came after the last part").toBeLessThan(100_000);
    expect(result.execution.batch.done).toBe(1);
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });
});
