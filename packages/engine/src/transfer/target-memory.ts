/** What pushes to a target taught, for later runs of the same client. Forgotten after some hours: limits change. */

import { monotonicNow } from "../clock.ts";

/** Facts about a target that only a push reveals. */
export interface TargetFacts {
  /** The size of pack that it takes. */
  readonly limitBytes?: number;
  /** A pack has to be whole before its push begins: the target wants its length, or has no patience with slow sources. */
  readonly needsSpool?: boolean;
}

const KEEP_MS = 6 * 3_600_000;
const MAX_TARGETS = 1_000;

export class TargetMemory {
  readonly #targets = new Map<string, { readonly facts: TargetFacts; readonly learnedMs: number }>();

  /** `target` is the address as it may be shown. */
  recall(target: string): TargetFacts {
    const known = this.#targets.get(target);
    return known === undefined || monotonicNow() - known.learnedMs > KEEP_MS ? {} : known.facts;
  }

  /** Add to what is known; the newest fact of a kind holds. */
  learn(target: string, facts: TargetFacts): void {
    const all = { ...this.recall(target), ...facts };
    this.#targets.delete(target);
    if (this.#targets.size >= MAX_TARGETS) {
      const [oldest] = this.#targets.keys();
      if (oldest !== undefined) this.#targets.delete(oldest);
    }
    this.#targets.set(target, { facts: all, learnedMs: monotonicNow() });
  }
}
