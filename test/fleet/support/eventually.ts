/** Waiting for a condition, with an end. */

import { setTimeout as sleep } from "node:timers/promises";

const LOOK_MS = 10;

/** The first answer that is not undefined, null or false; asks until `timeoutMs` is over. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  timeoutMs = 15_000,
): Promise<T> {
  const endsAt = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false) return answer;
    if (performance.now() > endsAt) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(LOOK_MS);
  }
}
