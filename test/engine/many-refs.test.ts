import { expect, test } from "vitest";
import { commit, refsOf, updateRefs } from "../support/repository.ts";
import { describeWays, expectSound, outcomes, twoSides, type TwoSides } from "./two-sides.ts";

/** Give the source `count` refs over a handful of commits. */
async function addRefs(sides: TwoSides, count: number): Promise<void> {
  const tips: string[] = [];
  for (let index = 0; index < 5; index += 1) {
    tips.push(await commit(sides.source, "refs/heads/main", { a: `${index}` }));
  }
  await updateRefs(
    sides.source,
    Array.from({ length: count - 1 }, (_, index) => {
      const kind = index % 3 === 0 ? "tags" : "heads/topic";
      return [`refs/${kind}/n${String(index).padStart(6, "0")}`, tips[index % tips.length]] as const;
    }),
  );
}

describeWays("many refs", (way) => {
  test("five thousand fit in one request", async () => {
    await using sides = await twoSides(way);
    await addRefs(sides, 5_000);
    const result = await sides.replicate();
    expect(result.counts.applied).toBe(5_000);
    expect(result.execution.batch.planned).toBeLessThanOrEqual(1);
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });

  test("twelve thousand travel in requests of five thousand, the pack with the first", async () => {
    await using sides = await twoSides(way);
    await addRefs(sides, 12_000);
    const result = await sides.replicate();
    expect(result.counts.applied).toBe(12_000);
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    const pushes = (await sides.requestsOf(sides.target)).filter(({ method }) => method === "POST");
    expect(pushes).toHaveLength(way === "http" ? 3 : 0);
    // All of them move, in one question to the source and again in three requests.
    await commit(sides.source, "refs/heads/main", { a: "moved" });
    const [main = ""] = (await refsOf(sides.source, "refs/heads/main")).values();
    const topics = [...(await refsOf(sides.source, "refs/heads/topic")).keys()];
    await updateRefs(
      sides.source,
      topics.map((name) => [name, main] as const),
    );
    const moved = await sides.replicate();
    expect(moved.counts).toMatchObject({ applied: topics.length + 1, refused: 0, unknown: 0 });
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });

  test("a small limit on refs per request changes the number of requests and nothing else", async () => {
    await using sides = await twoSides(way, { client: { limits: { maxRefUpdates: 7 } } });
    await addRefs(sides, 30);
    const result = await sides.replicate();
    expect(result.execution.batch).toMatchObject({ planned: 5, done: 5 });
    expect(outcomes(result)).toHaveLength(30);
    expect(await refsOf(sides.target)).toEqual(await refsOf(sides.source));
    await expectSound(sides);
  });
});
