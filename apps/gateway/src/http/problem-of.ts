/** Maps whatever a handler or the framework threw to the problem that the client is told. */

import { isProducerError } from "@gitsync/producer";
import { QueueSilentError } from "../queue-deadline.ts";
import { Problem, type ProblemCode } from "./problem.ts";

/** The framework's own refusals, by its error code. */
const FRAMEWORK: ReadonlyMap<string, readonly [code: ProblemCode, detail: string]> = new Map([
  ["FST_ERR_CTP_BODY_TOO_LARGE", ["body-too-large", "Send a smaller body"]],
  ["FST_ERR_CTP_INVALID_CONTENT_LENGTH", ["body-invalid", "The body's length differs from Content-Length"]],
  ["FST_ERR_CTP_INVALID_MEDIA_TYPE", ["media-type-unsupported", "Send the body as application/json"]],
  ["FST_ERR_CTP_EMPTY_TYPE", ["media-type-unsupported", "Send the body as application/json"]],
  ["FST_ERR_CTP_EMPTY_JSON_BODY", ["body-invalid", "The body is empty"]],
  ["FST_ERR_CTP_INVALID_JSON_BODY", ["body-invalid", "The body is not JSON"]],
  ["FST_ERR_BAD_URL", ["not-found", "The path is not a valid one"]],
]);

/** `internal` stands for everything that nobody foresaw; its detail never repeats the error. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof QueueSilentError) return queueUnavailable(error);
  if (isProducerError(error)) {
    switch (error.code) {
      case "QUEUE_UNAVAILABLE":
        return queueUnavailable(error);
      case "PLAN_OUTDATED":
        return new Problem("plan-outdated", error.message, [], { cause: error });
      case "REQUEST_INVALID":
        return new Problem("request-invalid", error.message, [], { cause: error });
      case "ROUTE_NOT_FOUND":
        return new Problem(
          "route-not-found",
          "It may have been forgotten: ad-hoc routes are kept for a week",
        );
      case "JOB_NOT_FOUND":
        return new Problem("job-not-found", "Finished jobs are forgotten after a while");
    }
  }
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const known = typeof code === "string" ? FRAMEWORK.get(code) : undefined;
  if (known !== undefined) return new Problem(known[0], known[1], [], { cause: error });
  if (error instanceof SyntaxError && "statusCode" in error)
    return new Problem("body-invalid", "The body is not JSON");
  return new Problem("internal", "Look at the gateway's log", [], { cause: error });
}

function queueUnavailable(cause: unknown): Problem {
  return new Problem("queue-unavailable", "Nothing was accepted; ask again later", [], { cause });
}
