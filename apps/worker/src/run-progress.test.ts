import { expect, test } from "vitest";
import { RunProgressWriter } from "./run-progress.ts";

const moved = (side: "source" | "target", bytes: number, objects?: number) =>
  ({
    type: "progress",
    side,
    bytes,
    bytesPerSecond: 1.5,
    ...(objects === undefined ? {} : { objects }),
  }) as const;
const phase = (name: "history" | "fetch" | "push") => ({ type: "phase", phase: name }) as const;

test("the packs of a divided run count together, and questions to the source do not", () => {
  const progress = new RunProgressWriter(() => Promise.resolve());
  for (const event of [phase("history"), moved("source", 5_000, 70), phase("fetch"), moved("source", 10)])
    progress.observe(event);
  expect([progress.bytes, progress.pack]).toEqual([{ source: 10, target: 0 }, { bytes: 10 }]);
  for (const event of [moved("source", 100, 7), phase("push"), moved("target", 100)]) progress.observe(event);
  for (const event of [phase("fetch"), moved("source", 30, 2), phase("push"), moved("target", 20)])
    progress.observe(event);
  expect([progress.bytes, progress.pack]).toEqual([
    { source: 130, target: 120 },
    { bytes: 130, objects: 9 },
  ]);
});
