/** Waiting that always ends: every wait of this package on something outside the process goes through here. */

/** Thrown when a wait was cut off; callers turn it into an error that names what was waited for. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";

  constructor(ms: number) {
    super(`no answer within ${ms} ms`);
  }
}

/**
 * The promise's outcome, or a {@link DeadlineError} after `ms`, or the signal's reason when it aborts first.
 * The promise itself goes on; a late rejection of it is swallowed.
 */
export async function withDeadline<T>(promise: Promise<T>, ms: number, signal?: AbortSignal): Promise<T> {
  promise.catch(() => undefined);
  signal?.throwIfAborted();
  const { promise: cutOff, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new DeadlineError(ms));
  }, ms);
  const onAbort = (): void => {
    reject(signal?.reason);
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, cutOff]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Sleep for `ms`, or reject with the signal's reason when it aborts first. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await withDeadline(new Promise<never>(() => undefined), ms, signal).catch((error: unknown) => {
    if (!(error instanceof DeadlineError)) throw error;
  });
}
