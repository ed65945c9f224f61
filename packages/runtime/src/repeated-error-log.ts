/** Logs the same fault once in a while: a lost connection reports itself on every attempt, on every lane. */

import { errorText } from "./errors.ts";
import type { Logger } from "./logger.ts";

const QUIET_MS = 30_000;
const MAX_REMEMBERED = 200;

/** A listener for `error` events. Equal texts are logged at most once in 30 s, with how many were left out. */
export function createErrorLog(logger: Logger, message: string): (error: unknown) => void {
  const seen = new Map<string, { loggedAt: number; leftOut: number }>();
  return (error) => {
    const text = errorText(error);
    const now = performance.now();
    const last = seen.get(text);
    if (last !== undefined && now - last.loggedAt < QUIET_MS) {
      last.leftOut += 1;
      return;
    }
    if (seen.size >= MAX_REMEMBERED) seen.clear();
    seen.set(text, { loggedAt: now, leftOut: 0 });
    logger.warn(
      { err: error, ...(last !== undefined && last.leftOut > 0 && { repeated: last.leftOut }) },
      message,
    );
  };
}
