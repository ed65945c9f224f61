/** A client waits a moment for the queue, not for ever: every question to it ends in time. */

/** The queue answers within this, or the client is told to come back. */
const QUEUE_DEADLINE_MS = 2_000;

/**
 * For what reads the whole fleet, page by page, each of which has to come in the time above: many routes on a busy
 * machine are no silence. As long as Prometheus waits.
 */
export const WHOLE_FLEET_MS = 10_000;

/** The queue did not answer in time. What was asked may still happen: hints are harmless when repeated. */
export class QueueSilentError extends Error {
  override readonly name = "QueueSilentError";

  constructor(ms: number) {
    super(`the queue did not answer within ${ms} ms`);
  }
}

/** The promise's outcome, or a {@link QueueSilentError} after `ms`. */
export async function inTime<T>(answer: Promise<T>, ms: number = QUEUE_DEADLINE_MS): Promise<T> {
  answer.catch(() => undefined);
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new QueueSilentError(ms)), ms);
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
