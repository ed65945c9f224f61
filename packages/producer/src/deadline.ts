/** Nothing here waits for a store longer than its caller was promised. */

import { ProducerError } from "./producer-error.ts";

/** How long an enqueue may take in all. */
export const ENQUEUE_MS = 2_000;

/** A step that is nearly out of time still gets this long: refusing without asking would help nobody. */
const LEAST_MS = 100;

/** Time that several steps share. */
export class Deadline {
  readonly #endsAt: number;

  constructor(ms: number) {
    this.#endsAt = performance.now() + ms;
  }

  /**
   * The promise's outcome. It goes on when the time is up; its outcome is ignored then.
   *
   * @throws {ProducerError} `QUEUE_UNAVAILABLE` when the time is up, or with the promise's failure as its cause.
   */
  async within<T>(promise: Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const left = Math.max(LEAST_MS, Math.trunc(this.#endsAt - performance.now()));
    const timer = setTimeout(() => reject(new Error(`no answer within ${left} ms`)), left);
    try {
      return await Promise.race([promise, late]);
    } catch (cause) {
      throw unavailable(cause);
    } finally {
      clearTimeout(timer);
    }
  }
}

function unavailable(cause: unknown): ProducerError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ProducerError("QUEUE_UNAVAILABLE", `Cannot reach the queue's store: ${reason}`, {}, { cause });
}
