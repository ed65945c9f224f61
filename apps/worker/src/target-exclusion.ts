/** At most one run per target repository in this process, whatever the queue's locks say. */

import type { TargetKey } from "@gitsync/jobs";
import type { StopReason } from "./stop-reason.ts";

interface Occupant {
  readonly controller: AbortController;
  readonly left: Promise<void>;
}

/**
 * After an outage of the store that outlasts a lock, the queue hands a job to the very worker that still runs it.
 * The newcomer then stops its predecessor and waits until it is gone.
 */
export class TargetExclusion {
  readonly #occupants = new Map<TargetKey, Occupant>();

  /** Resolves with the function that leaves again, once nobody else of this process is at the target. */
  async enter(target: TargetKey, controller: AbortController): Promise<() => void> {
    for (;;) {
      const before = this.#occupants.get(target);
      if (before === undefined) break;
      before.controller.abort("lock-lost" satisfies StopReason);
      await before.left;
    }
    const { promise: left, resolve } = Promise.withResolvers<void>();
    this.#occupants.set(target, { controller, left });
    return () => {
      this.#occupants.delete(target);
      resolve();
    };
  }
}
