/** The one error of the producer: a closed list of codes. */

/** Every code, with what to do about it and whether the same request may succeed later. */
export const PRODUCER_ERRORS = {
  QUEUE_UNAVAILABLE: { remedy: "check that the queue's store is up and reachable", retryable: true },
  REQUEST_INVALID: { remedy: "correct the named field", retryable: false },
  ROUTE_NOT_FOUND: { remedy: "check the route's id", retryable: false },
  JOB_NOT_FOUND: {
    remedy: "check the job's id; finished jobs are forgotten after a while",
    retryable: false,
  },
  PLAN_OUTDATED: { remedy: "look at the route's last run, and approve what it names", retryable: false },
} as const;

export type ProducerErrorCode = keyof typeof PRODUCER_ERRORS;

/** A request that the producer could not serve. Match on `code`. */
export class ProducerError extends Error {
  override readonly name = "ProducerError";
  readonly code: ProducerErrorCode;
  readonly details: Readonly<Record<string, string | number>>;

  constructor(
    code: ProducerErrorCode,
    message: string,
    details: Readonly<Record<string, string | number>> = {},
    options: ErrorOptions = {},
  ) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  /** One line for the person who has to act. */
  get remedy(): string {
    return PRODUCER_ERRORS[this.code].remedy;
  }

  /** True when the same request may succeed later by itself. */
  get retryable(): boolean {
    return PRODUCER_ERRORS[this.code].retryable;
  }
}

/** Whether `error` is a {@link ProducerError}, also one made by another copy of this package. */
export function isProducerError(error: unknown): error is ProducerError {
  return error instanceof Error && error.name === "ProducerError" && "code" in error;
}
