/** What can go wrong around a process: one class, a closed list of codes, each with a remedy in its message. */

/** Facts of a {@link RuntimeError}: small values, never a credential. */
export type RuntimeErrorDetails = Readonly<
  Record<string, string | number | boolean | null | readonly string[]>
>;

/**
 * - `CONFIG_INVALID`: the mirrors file cannot be used; `details.faults` lists every fault.
 * - `ENVIRONMENT_INVALID`: environment variables cannot be used; `details.faults` lists every fault.
 * - `QUEUE_URL_INVALID`: the queue's address is not one of the known kinds.
 * - `QUEUE_UNAVAILABLE`: the store did not answer in time.
 * - `QUEUE_ACCESS_DENIED`: the store answered and refused the credentials or the privileges.
 * - `QUEUE_STORE_UNSUITABLE`: the store answered, but its version or schema cannot be used.
 * - `EMBEDDED_UNSUPPORTED`: no embedded server exists for this platform or account.
 * - `EMBEDDED_DIRECTORY_UNUSABLE`: the state directory cannot be written, entered or may not be used.
 * - `EMBEDDED_DATA_UNUSABLE`: the data in the directory belongs to another version or lacks its password.
 * - `EMBEDDED_START_FAILED`: the embedded server did not come up.
 * - `SECRET_UNREADABLE`: a secret is not where the configuration says, or cannot be read there.
 */
export type RuntimeErrorCode =
  | "CONFIG_INVALID"
  | "ENVIRONMENT_INVALID"
  | "QUEUE_URL_INVALID"
  | "QUEUE_UNAVAILABLE"
  | "QUEUE_ACCESS_DENIED"
  | "QUEUE_STORE_UNSUITABLE"
  | "EMBEDDED_UNSUPPORTED"
  | "EMBEDDED_DIRECTORY_UNUSABLE"
  | "EMBEDDED_DATA_UNUSABLE"
  | "EMBEDDED_START_FAILED"
  | "SECRET_UNREADABLE";

const RETRYABLE: Readonly<Record<RuntimeErrorCode, boolean>> = {
  CONFIG_INVALID: false,
  ENVIRONMENT_INVALID: false,
  QUEUE_URL_INVALID: false,
  QUEUE_UNAVAILABLE: true,
  QUEUE_ACCESS_DENIED: false,
  QUEUE_STORE_UNSUITABLE: false,
  EMBEDDED_UNSUPPORTED: false,
  EMBEDDED_DIRECTORY_UNUSABLE: false,
  EMBEDDED_DATA_UNUSABLE: false,
  EMBEDDED_START_FAILED: true,
  // Whoever rotates a secret may be about to write it.
  SECRET_UNREADABLE: true,
};

/** Every code, for documentation and for telling a code from other text. */
export const RUNTIME_ERROR_CODES: readonly RuntimeErrorCode[] = Object.freeze(
  Object.keys(RETRYABLE).filter((code): code is RuntimeErrorCode => code in RETRYABLE),
);

/** The one error class of this package. The message says what failed and what to do about it. */
export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
  readonly code: RuntimeErrorCode;
  readonly details: RuntimeErrorDetails;

  constructor(
    code: RuntimeErrorCode,
    message: string,
    details: RuntimeErrorDetails = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  /** True when the same call may succeed later without anyone changing anything. */
  get retryable(): boolean {
    return RETRYABLE[this.code];
  }
}

/** The text of anything thrown; an `AggregateError` (a host with several addresses) names each of its causes. */
export function errorText(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.map(errorText).join("; ");
  }
  if (error instanceof Error) return error.message === "" ? error.name : error.message;
  return String(error);
}

/** The system or library code of anything thrown (`ECONNREFUSED`, `42501`), or `undefined`. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
