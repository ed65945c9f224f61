/** Errors of every kind as the one shape in which they are shown: code, message, remedy. */

import type { SyncErrorDetails, SyncResult } from "@gitsync/engine";

/** What is shown of a failure, and the `error` member of `--json`. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  /** True when the same command may succeed later without anyone changing anything. */
  readonly retryable: boolean;
  readonly details: SyncErrorDetails;
  /** What was planned and done before the failure. */
  readonly result?: SyncResult;
}

/**
 * Recognised by its shape: every package's error carries a stable code, and most a remedy. Importing the classes
 * would load those packages to print a usage error.
 */
interface CodedError extends Error {
  readonly code: string;
  readonly remedy?: unknown;
  readonly retryable?: unknown;
  readonly details?: SyncErrorDetails;
  readonly result?: SyncResult;
}

/** For errors that list their facts and leave it to the reader what follows. */
const REMEDIES: ReadonlyMap<string, string> = new Map([
  ["CONFIG_INVALID", "correct the named lines"],
  ["ENVIRONMENT_INVALID", "correct the named variables"],
]);

export function failureOf(error: unknown): Failure {
  if (isCoded(error)) {
    const { code, message, remedy, retryable, details, result } = error;
    return {
      code,
      message,
      remedy: typeof remedy === "string" ? remedy : remedyOf(code, details),
      retryable: retryable === true,
      details: details ?? {},
      ...(result === undefined ? {} : { result }),
    };
  }
  return {
    code: "INTERNAL",
    message: error instanceof Error ? error.message : String(error),
    remedy: "run it again with LOG_LEVEL=debug and report what it prints",
    retryable: false,
    details: {},
  };
}

function remedyOf(code: string, details: SyncErrorDetails | undefined): string {
  const faults: unknown = details?.["faults"];
  // What is wrong with a file as a whole is in none of its lines.
  const isWhole = Array.isArray(faults) && faults.every((fault) => !/\bline \d/u.test(String(fault)));
  if (code === "CONFIG_INVALID" && isWhole) return "check the path that --config or GITSYNC_CONFIG gives";
  return REMEDIES.get(code) ?? "";
}

function isCoded(error: unknown): error is CodedError {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
