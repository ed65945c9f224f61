// Mutants of every recording, to the parsers `only`, in turn, until the time is over.

import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";
import { seedsOf } from "./seeds.ts";
import type { FuzzTarget } from "./target.ts";
import type { FuzzProgress, Trials } from "./trial.ts";

/** @throws {FindingError} at the first bad input. */
export function sweep(
  targets: readonly FuzzTarget[],
  only: readonly FuzzTarget[],
  trials: Trials,
  random: Random,
  milliseconds: number,
): FuzzProgress {
  const pairs = only.flatMap((target) => {
    const seeds = seedsOf(target);
    const index = targets.indexOf(target);
    return seeds.map((bytes) => ({ index, ways: Object.keys(target.ways).length, bytes, seeds }));
  });
  for (const { index, ways, bytes } of pairs) {
    for (let way = 0; way < ways; way += 1) trials.run({ target: index, way, bytes });
  }
  const until = performance.now() + milliseconds;
  while (performance.now() < until) {
    for (const { index, ways, bytes, seeds } of pairs) {
      trials.run({ target: index, way: random(ways), bytes: mutate(bytes, random, seeds) });
    }
  }
  return { runs: trials.runs, inputs: pairs.length, covered: 0 };
}
