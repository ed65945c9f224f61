// Which parts of the parsers' sources an input reaches, from V8's own counters. Node only.

import { Session } from "node:inspector";

interface CountedRange {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

/** What `Profiler.takePreciseCoverage` answers: Chrome DevTools protocol, "Profiler". */
interface CoverageAnswer {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly CountedRange[] }[];
  }[];
}

/** For each source, and each of its characters, the ranges of counts (one bit each) in which it was run. */
export class CoverageMap {
  readonly #counts = new Map<string, Uint8Array>();

  /** Add what was reached. @returns true when something of it is new: a place, or a place much more often. */
  add(reached: ReadonlyMap<string, Uint8Array>): boolean {
    let isNew = false;
    for (const [url, counts] of reached) {
      const known = this.#counts.get(url) ?? new Uint8Array(counts.length);
      const merged = known.length < counts.length ? new Uint8Array(counts.length) : known;
      if (merged !== known) merged.set(known);
      this.#counts.set(url, merged);
      if (addBits(merged, counts)) isNew = true;
    }
    return isNew;
  }

  /** Characters of source that were run. */
  get covered(): number {
    let covered = 0;
    for (const counts of this.#counts.values()) for (const bits of counts) if (bits !== 0) covered += 1;
    return covered;
  }
}

/** Counts, in this thread, how often each block of the sources below one folder runs. */
export class CoverageCounter implements Disposable {
  readonly #session = new Session();
  readonly #folder: string;

  /** Start counting, before the sources are imported. */
  constructor(folder: URL) {
    this.#folder = folder.href;
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** What ran since the last call. */
  take(): ReadonlyMap<string, Uint8Array> {
    let answer: CoverageAnswer = { result: [] };
    // In the thread's own session the answer is there before `post` returns.
    this.#session.post("Profiler.takePreciseCoverage", (error, result) => {
      if (error !== null) throw new Error("Cannot take coverage", { cause: error });
      answer = result;
    });
    const reached = new Map<string, Uint8Array>();
    for (const { url, functions } of answer.result) {
      if (url.startsWith(this.#folder)) reached.set(url, paint(functions.flatMap(({ ranges }) => ranges)));
    }
    return reached;
  }

  [Symbol.dispose](): void {
    this.#session.disconnect();
  }
}

/** `known |= added`, four characters at a time. @returns true when that changed anything. */
function addBits(known: Uint8Array, added: Uint8Array): boolean {
  const knownWords = new Uint32Array(known.buffer);
  const addedWords = new Uint32Array(added.buffer);
  let changed = 0;
  for (let at = 0; at < addedWords.length; at += 1) {
    const before = knownWords[at] ?? 0;
    const after = before | (addedWords[at] ?? 0);
    knownWords[at] = after;
    changed |= before ^ after;
  }
  return changed !== 0;
}

/** Ranges come with the outer ones first, so that each inner one is painted over what surrounds it. */
function paint(ranges: readonly CountedRange[]): Uint8Array {
  const length = ranges.reduce((most, { endOffset }) => Math.max(most, endOffset), 0);
  const counts = new Uint8Array(4 * Math.ceil(length / 4));
  for (const { startOffset, endOffset, count } of ranges)
    counts.fill(countBit(count), startOffset, endOffset);
  return counts;
}

/** 0; then one bit each for 1, 2, 3, 4-7, 8-15, 16-31, 32-127 and more. */
function countBit(count: number): number {
  if (count < 4) return count === 0 ? 0 : 1 << (count - 1);
  if (count < 32) return 1 << (Math.floor(Math.log2(count)) + 1);
  return count < 128 ? 64 : 128;
}
