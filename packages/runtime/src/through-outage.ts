/** Steps of a start that need the store, taken again when it goes away under them: a process that runs waits for it, too. */

import type { Logger } from "./logger.ts";
import { pause } from "./deadline.ts";
import type { QueueStore } from "./queue-store.ts";

const RETRY_MS = 200;

export interface OutageOptions {
  readonly store: Pick<QueueStore, "ping">;
  readonly logger: Logger;
  /** Ends the waiting; what the step failed with last is thrown then. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The answer of `step`, which may be taken several times.
 *
 * @throws what it throws twice in a row while the store answers: the store is not the reason then.
 */
export async function throughOutage<T>(
  step: () => Promise<T>,
  { store, logger, signal }: OutageOptions,
): Promise<T> {
  // The store may be back already by the time that a failure is heard of.
  let hadAnswer = false;
  let isTold = false;
  for (;;) {
    try {
      return await step();
    } catch (error) {
      const hasAnswer = await answers(store);
      if ((hasAnswer && hadAnswer) || signal?.aborted === true) throw error;
      hadAnswer = hasAnswer;
      if (!hasAnswer && !isTold) logger.warn({ err: error }, "The queue's store went away during the start");
      isTold ||= !hasAnswer;
      await pause(RETRY_MS, signal).catch(() => undefined);
    }
  }
}

async function answers(store: Pick<QueueStore, "ping">): Promise<boolean> {
  return store.ping().then(
    () => true,
    () => false,
  );
}
