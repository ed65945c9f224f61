// Tries inputs one after the other, in the thread that may hang, and says what the first bad one did.

import { judge } from "./judge.ts";
import type { Random } from "./random.ts";
import type { SharedInput, Trial } from "./shared-input.ts";
import type { FuzzTarget } from "./target.ts";

/** An input that a parser did not stand. */
export interface Finding extends Trial {
  /** What happened. */
  readonly fault: string;
}

/** What a thread that tries inputs is told. */
export interface FuzzJob {
  /** A module that exports `TARGETS`. */
  readonly targets: string;
  readonly seed: number;
  readonly milliseconds: number;
  /** Mutate recordings of this parser only. Default: of all. */
  readonly only?: string;
  /** Let coverage choose the inputs, of one parser. */
  readonly explore?: { readonly target: string; readonly corpus: string };
}

/** What it says at the end, or on the way. */
export interface FuzzProgress {
  readonly runs: number;
  readonly inputs: number;
  /** Characters of source that were reached; 0 when nobody counted. */
  readonly covered: number;
}

/** Thrown by {@link Trials.run} for the first bad input. */
export class FindingError extends Error {
  override readonly name = "FindingError";
  readonly finding: Finding;

  constructor(finding: Finding) {
    super(finding.fault);
    this.finding = finding;
  }
}

/** Gives inputs to parsers. */
export class Trials {
  readonly #targets: readonly FuzzTarget[];
  readonly #shared: SharedInput;
  readonly #random: Random;
  #runs = 0;

  constructor(targets: readonly FuzzTarget[], shared: SharedInput, random: Random) {
    this.#targets = targets;
    this.#shared = shared;
    this.#random = random;
  }

  get runs(): number {
    return this.#runs;
  }

  /** @throws {FindingError} when the parser does not stand the input. */
  run(trial: Trial): void {
    const target = this.#targets[trial.target];
    const make = Object.values(target?.ways ?? {})[trial.way];
    if (make === undefined) throw new RangeError("There is no such way to call a parser");
    this.#shared.set(trial);
    this.#runs += 1;
    try {
      judge(make, trial.bytes, this.#random);
    } catch (error) {
      const fault = error instanceof Error ? (error.stack ?? error.message) : String(error);
      throw new FindingError({ ...trial, fault });
    }
  }
}
