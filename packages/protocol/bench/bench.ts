/** What a benchmark is. Each lies in a file of its own, which exports one of these, and `run.ts` lists them. */

import type { Figure } from "./figure.ts";
import type { BenchSettings } from "./settings.ts";

export interface Bench {
  /** As on the command line. */
  readonly name: string;
  /** What is measured against what, in one line for `--help`. */
  readonly about: string;
  /**
   * Measure. Proves first that both sides of a comparison give the same result.
   *
   * @throws {Error} when they do not, or when something that the benchmark needs is missing.
   */
  readonly measure: (settings: BenchSettings) => Promise<readonly Figure[]>;
}
