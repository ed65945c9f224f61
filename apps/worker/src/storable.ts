/** The last ring: whatever is stored, thrown to the queue or logged has passed here. */

import type { RouteError, SyncResult } from "@gitsync/jobs";
import { errorText, storableText, type SecretRegistry } from "@gitsync/runtime";

/** Without secrets, NUL and lone surrogates, and short. */
function storableMessage(text: string, secrets: SecretRegistry): string {
  return storableText(secrets.scrub(text));
}

export function storableRouteError(error: RouteError, secrets: SecretRegistry): RouteError {
  return { ...error, message: storableMessage(error.message, secrets) };
}

/** The result with secrets taken out of every text in it; servers write some of them. */
export function storableResult(result: SyncResult, secrets: SecretRegistry): SyncResult {
  return JSON.parse(secrets.scrub(JSON.stringify(result)));
}

/**
 * What is thrown to the queue instead of `thrown`. BullMQ stores message and stack; text that the store refuses
 * leaves a job active until its lock runs out.
 */
export function storableError(thrown: unknown, secrets: SecretRegistry): Error {
  const safe = new Error(storableMessage(errorText(thrown), secrets));
  safe.stack = `${safe.name}: ${safe.message}`;
  return safe;
}
