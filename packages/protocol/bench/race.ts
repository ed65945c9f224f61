/** Times several ways to do one thing, in turns, so that what disturbs one disturbs all. */

import { milliseconds, type Figure, type Limit } from "./figure.ts";

/** Milliseconds of one contestant's runs. */
export interface Times {
  readonly min: number;
  readonly median: number;
}

/**
 * Run every contestant once to warm up, then `repeat` times in turns.
 *
 * Nobody collects garbage between runs: a forced collection would also take the machine code of classes that have no
 * object at that moment, which no run of its own does.
 *
 * What a contestant returns is awaited and dropped; it should return what it computed, so that nothing is optimized away.
 */
export async function race<Name extends string>(
  repeat: number,
  contestants: Readonly<Record<Name, () => unknown>>,
): Promise<Readonly<Record<Name, Times>>> {
  const names = Object.keys(contestants) as Name[];
  const runs = names.map((name) => ({ name, run: contestants[name], times: [] as number[] }));
  for (const { run } of runs) await run();
  for (let round = 0; round < repeat; round += 1) {
    for (const { run, times } of runs) {
      const startedAt = performance.now();
      await run();
      times.push(performance.now() - startedAt);
    }
  }
  return Object.fromEntries(runs.map(({ name, times }) => [name, timesOf(times)])) as Record<Name, Times>;
}

/** Our time divided by the peer's: smaller is better. Minima are compared, since disturbance only ever adds. */
export function timeRatio(name: string, ours: Times, theirs: Times, limit?: Limit): Figure {
  return { name, value: ours.min / theirs.min, unit: "", ...(limit && { limit }), how: how(ours, theirs) };
}

/** The peer's time divided by ours, how many times as fast we are: larger is better. */
export function speedRatio(name: string, ours: Times, theirs: Times, limit?: Limit): Figure {
  return { name, value: theirs.min / ours.min, unit: "", ...(limit && { limit }), how: how(ours, theirs) };
}

function how(ours: Times, theirs: Times): string {
  const text = ({ min, median }: Times): string => `${milliseconds(min)} (median ${milliseconds(median)})`;
  return `${text(ours)} against ${text(theirs)}`;
}

function timesOf(values: readonly number[]): Times {
  const sorted = values.toSorted((a, b) => a - b);
  return { min: sorted[0] ?? Number.NaN, median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN };
}
