/** Fast-forwards that were proven once, for every run of a client. */

import { ancestryKey, type AncestryFact, type AncestryPair } from "./plan/ancestry-facts.ts";

const MAX_CACHED_FACTS = 10_000;

/** Proven fast-forwards. They never change: ancestry is a property of two object ids. */
export class AncestryCache {
  readonly #facts = new Map<string, AncestryFact>();

  get(pair: AncestryPair): AncestryFact | undefined {
    return this.#facts.get(ancestryKey(pair));
  }

  set(pair: AncestryPair, fact: AncestryFact): void {
    // A proof holds for ever and cannot be forged; that there is none may be the answer of a source that lies.
    if (fact !== "fast-forward") return;
    if (this.#facts.size >= MAX_CACHED_FACTS) this.#facts.clear();
    this.#facts.set(ancestryKey(pair), fact);
  }
}
