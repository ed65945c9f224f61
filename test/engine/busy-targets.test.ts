import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SyncError, SyncEvent } from "@gitsync/engine";
import { expect, test } from "vitest";
import { git } from "../support/git.ts";
import { checkRefHistory, installRefLog } from "../support/ref-log.ts";
import { commit, copyRepository, refsOf, setRef, updateRefs } from "../support/repository.ts";
import { describeWays, expectSound, openClient, twoSides } from "./two-sides.ts";

/** Longer than git itself waits for the lock of all refs. */
const HELD_MS = 1_500;

describeWays("a target whose lock file somebody holds for a second", (way) => {
  test.for([
    ["the ref's own", "refs/heads/main.lock"],
    ["that of all refs, while one is deleted", "packed-refs.lock"],
  ] as const)("is waited for: %s", async ([, lock]) => {
    await using sides = await twoSides(way);
    const first = await commit(sides.source, "refs/heads/main", { a: "1" });
    await setRef(sides.source, "refs/heads/gone", first);
    await sides.replicate();
    await updateRefs(sides.source, [["refs/heads/gone", undefined]]);
    await commit(sides.source, "refs/heads/main", { a: "2" });
    await commit(sides.source, "refs/heads/free", { a: "3" });
    const path = join(sides.target, lock);
    await writeFile(path, "");
    const released = new Promise((resolve) => setTimeout(resolve, HELD_MS)).then(() => rm(path));
    const events: SyncEvent[] = [];
    const result = await sides.replicate({
      policy: { prune: true, maxDeletes: { count: 9, percent: 100 } },
      observer: (event) => events.push(event),
    });
    await released;
    expect(result.counts).toMatchObject({ applied: 2, deleted: 1, refused: 0 });
    const reasons = new Set(events.flatMap((event) => (event.type === "retry" ? [event.reason] : [])));
    expect([...reasons]).toEqual(["somebody else is writing the same refs"]);
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });
});

describeWays("ten pushers that race for one target", (way) => {
  test("lose no update, each with branches of its own and one that all have", async () => {
    await using sides = await twoSides(way);
    const first = await commit(sides.source, "refs/heads/main", { a: "1" });
    await sides.replicate();
    const logs = [await installRefLog(sides.source), await installRefLog(sides.target)] as const;
    const names = Array.from({ length: 10 }, (_, n) => `own${n}`);
    for (const name of names)
      await commit(sides.source, `refs/heads/${name}`, { [name]: name }, { parents: [first] });
    await commit(sides.source, "refs/heads/main", { a: "2" });
    const results = await Promise.all(
      names.map(async (name) => {
        // Nothing is shared: as ten processes.
        const client = openClient();
        const { source, target } = sides.request();
        try {
          return await client.sync({ source, target, scope: { branches: ["main", name] } });
        } finally {
          await client.close();
        }
      }),
    );
    expect(results.map(({ execution }) => execution.converged)).toEqual(names.map(() => true));
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    expect(await checkRefHistory(logs[0], logs[1])).toEqual([]);
    await expectSound(sides);
  });

  test("from ten sources whose branch went apart: one is taken, and no other overwrites it", async () => {
    await using sides = await twoSides(way);
    const base = await commit(sides.source, "refs/heads/main", { a: "1" });
    await sides.replicate();
    const sources = await Promise.all(
      Array.from({ length: 10 }, async (_, n) => {
        const path = await copyRepository(sides.source, sides.folder.join(`source${n}.git`));
        await git(["config", "uploadpack.allowFilter", "true"], { cwd: path });
        return { path, tip: await commit(path, "refs/heads/main", { [`${n}`]: `${n}` }) };
      }),
    );
    const log = await installRefLog(sides.target);
    const { target } = sides.request();
    const ends = await Promise.all(
      sources.map(async ({ path, tip }) => {
        const client = openClient();
        const run = client.sync({ source: sides.endpoint(path), target });
        const code = await run.then(
          () => tip,
          (error: SyncError) => error.code,
        );
        await client.close();
        return code;
      }),
    );
    const won = sources.map(({ tip }) => tip).filter((tip) => ends.includes(tip));
    expect(ends.filter((end) => end === "REFS_BLOCKED")).toHaveLength(9);
    expect(won).toHaveLength(1);
    expect((await refsOf(sides.target)).get("refs/heads/main")).toBe(won[0]);
    expect(log.initial.get("refs/heads/main")).toBe(base);
    expect((await log.changes()).map(({ value }) => value)).toEqual(won);
    await expectSound(sides);
  });
});
