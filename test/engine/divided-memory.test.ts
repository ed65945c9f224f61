import { expect, test } from "vitest";
import { relayInParts } from "../bench/divided.ts";
import { generateHistory } from "../support/history.ts";
import { describeWith } from "../support/requirements.ts";

const MIB = 2 ** 20;

describeWith(["nginx"], "a history of fifty thousand commits that goes in parts", () => {
  test("is read in little memory, from a source that filters nothing", { timeout: 120_000 }, async () => {
    const history = await generateHistory({ commits: 51_000, refs: 5, tags: 8, notes: 5, fileBytes: 120 });
    const { peakBytes = 0, baselineBytes = 0 } = await relayInParts(history, false, 1 / 2);
    // It is about 25. With a zlib for each commit it was four times that.
    expect((peakBytes - baselineBytes) / MIB).toBeLessThan(64);
  });
});
