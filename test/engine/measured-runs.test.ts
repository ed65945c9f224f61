/** What a run says of its own cost covers all of it, the push too. */

import { expect, test } from "vitest";
import { noise } from "../support/noise.ts";
import { commit } from "../support/repository.ts";
import { describeWays, twoSides } from "./two-sides.ts";

const BYTES = 3_000_000;

describeWays("a push that streams", (way) => {
  test("is counted in bytes, wants, haves and commands", async () => {
    await using sides = await twoSides(way, { client: { limits: { memoryBytes: 4_096 } } });
    await commit(sides.source, "refs/heads/main", { a: "1" });
    await sides.sync();
    await commit(sides.source, "refs/heads/main", { big: noise(BYTES) });
    await commit(sides.source, "refs/heads/side", { big: noise(BYTES) });
    const { stats } = await sides.replicate({ collectStats: true });
    const fetch = stats.items["source upload-pack fetch"];
    const push = stats.items["target receive-pack push"];
    expect(fetch).toMatchObject({ wants: 2, haves: 1 });
    expect(fetch?.responseBytes).toBeGreaterThan(BYTES);
    expect(push).toMatchObject({ commands: 2 });
    expect(push?.requestBytes).toBeGreaterThan(BYTES);
    for (const { bytes } of stats.sides) expect(bytes).toBeGreaterThan(BYTES);
  });

  test("is in the time and the memory that are measured", async () => {
    await using sides = await twoSides(way, { client: { limits: { memoryBytes: 4_096 } } });
    await commit(sides.source, "refs/heads/main", { big: noise(BYTES) });
    const startedAt = performance.now();
    let pushedAt = startedAt;
    const { measurement } = await sides.replicate({
      measure: true,
      observer: (event) =>
        void (event.type === "phase" && event.phase === "report" && (pushedAt = performance.now())),
    });
    expect(measurement.elapsedMillis).toBeGreaterThanOrEqual(Math.floor(pushedAt - startedAt) - 5);
    expect(measurement.peakRssBytes).toBeGreaterThan(0);
    expect(measurement.cpuUserMicros).toBeGreaterThan(0);
  });
});
