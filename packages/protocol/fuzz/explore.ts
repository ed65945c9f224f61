// Mutants of inputs that reached something new, to one parser, until the time is over.

import { CoverageMap, type CoverageCounter } from "./coverage.ts";
import type { Corpus } from "./corpus.ts";
import { MAX_MUTANT_LENGTH, mutate } from "./mutate.ts";
import { pick, type Random } from "./random.ts";
import { seedsOf } from "./seeds.ts";
import type { Trial } from "./shared-input.ts";
import type { FuzzTarget } from "./target.ts";
import type { FuzzProgress, Trials } from "./trial.ts";

// Asking for coverage costs as much as twenty inputs, so several are tried before it is asked for.
const BATCH = 20;
const REPORT_MS = 2000;
// Short inputs are tried sooner; now and then a long one is worth its time.
const SHORT_LENGTH = 4096;

/** What {@link explore} works with. */
export interface Exploration {
  readonly target: FuzzTarget;
  /** The target's index, for trials. */
  readonly index: number;
  readonly trials: Trials;
  readonly random: Random;
  readonly milliseconds: number;
  readonly counter: CoverageCounter;
  readonly corpus: Corpus;
  readonly onProgress: (progress: FuzzProgress) => void;
}

/** @throws {FindingError} at the first bad input. */
export function explore(exploration: Exploration): FuzzProgress {
  const { target, index, trials, random, milliseconds, counter, corpus } = exploration;
  const ways = Object.keys(target.ways).length;
  const inputs: Trial[] = [];
  const alone = new CoverageMap();
  const together = new CoverageMap();
  const progress = (): FuzzProgress => ({ runs: trials.runs, inputs: inputs.length, covered: alone.covered });

  /** Try one input alone, and keep it when it reaches something new. */
  const examine = (trial: Trial): boolean => {
    trials.run(trial);
    const isNew = alone.add(counter.take());
    if (isNew) inputs.push(trial);
    return isNew;
  };

  counter.take();
  for (const bytes of seedsOf(target)) {
    for (let way = 0; way < ways; way += 1) examine({ target: index, way, bytes });
  }
  for (const { way, bytes } of corpus.read(target)) examine({ target: index, way, bytes });

  const until = performance.now() + milliseconds;
  let reportAt = performance.now() + REPORT_MS;
  while (performance.now() < until) {
    const batch = Array.from({ length: BATCH }, () => descend(inputs, index, ways, random));
    for (const trial of batch) trials.run(trial);
    if (together.add(counter.take())) {
      for (const trial of batch) if (examine(trial)) corpus.write(target, trial.way, trial.bytes);
    }
    if (performance.now() > reportAt) {
      exploration.onProgress(progress());
      reportAt = performance.now() + REPORT_MS;
    }
  }
  return progress();
}

/** A mutant of an input, late ones preferred: they lie deeper. */
function descend(inputs: readonly Trial[], target: number, ways: number, random: Random): Trial {
  const at = Math.max(random(inputs.length), random(inputs.length));
  const parent = inputs[at] ?? { target, way: 0, bytes: new Uint8Array(0) };
  const others = [pick(inputs, random).bytes, pick(inputs, random).bytes];
  const way = random(10) === 0 ? random(ways) : parent.way;
  const maxLength = random(50) === 0 ? MAX_MUTANT_LENGTH : SHORT_LENGTH;
  return { target, way, bytes: mutate(parent.bytes, random, others, maxLength) };
}
