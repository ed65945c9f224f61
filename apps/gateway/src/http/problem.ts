/** RFC 9457 problem documents: every answer that is not a success. `code` is stable, `detail` is for people. */

import type { FastifyReply } from "fastify";

/** Every problem that the gateway states, with its HTTP status and title. */
export const PROBLEMS = {
  "body-invalid": { status: 400, title: "The body cannot be used" },
  "query-invalid": { status: 400, title: "The query cannot be used" },
  "request-invalid": { status: 400, title: "The request cannot be used" },
  "token-missing": { status: 401, title: "A bearer token is needed" },
  "token-invalid": { status: 401, title: "The bearer token is not valid" },
  "signature-missing": { status: 401, title: "The delivery is not signed" },
  "signature-invalid": { status: 401, title: "The delivery's signature is wrong" },
  "signature-expired": { status: 401, title: "The delivery was signed at another time" },
  "adhoc-disabled": { status: 403, title: "Only configured endpoints may be synced" },
  "host-refused": { status: 403, title: "Without a token only this machine is served" },
  "cross-site": { status: 403, title: "Another site may not use this API" },
  "job-not-found": { status: 404, title: "No such job" },
  "mirror-not-found": { status: 404, title: "No such mirror" },
  "route-not-found": { status: 404, title: "No such route" },
  "hook-not-configured": { status: 404, title: "No deliveries of this provider are expected" },
  "not-found": { status: 404, title: "Nothing is here" },
  "plan-outdated": { status: 409, title: "The route's last run blocked another plan, or none" },
  "request-timeout": { status: 408, title: "The request took too long to arrive" },
  "body-too-large": { status: 413, title: "The body is too large" },
  "media-type-unsupported": { status: 415, title: "The body must be application/json" },
  internal: { status: 500, title: "The gateway failed" },
  "gateway-busy": { status: 503, title: "The gateway is busy" },
  "hook-secret-unavailable": { status: 503, title: "The secret that signs deliveries cannot be read" },
  "queue-unavailable": { status: 503, title: "The queue cannot be reached" },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** One thing that is wrong with a body or a query. */
export interface ProblemFault {
  readonly path: string;
  readonly message: string;
}

/** The document that is sent. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly faults?: readonly ProblemFault[];
}

/** Thrown by a handler to answer with a problem. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ProblemCode;
  readonly faults: readonly ProblemFault[];

  constructor(
    code: ProblemCode,
    detail: string,
    faults: readonly ProblemFault[] = [],
    options: ErrorOptions = {},
  ) {
    super(detail, options);
    this.code = code;
    this.faults = faults;
  }
}

/** How long to wait before asking again, when something that is needed is away. */
const RETRY_AFTER_SECONDS = 2;

export function problemDocument({ code, message, faults }: Problem): ProblemDocument {
  const { status, title } = PROBLEMS[code];
  return {
    type: `urn:git-sync:problem:${code}`,
    title,
    status,
    detail: message,
    code,
    ...(faults.length === 0 ? {} : { faults }),
  };
}

/** Send a problem with the headers that belong to it. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const document = problemDocument(problem);
  if (problem.code.startsWith("token-")) void reply.header("www-authenticate", 'Bearer realm="git-sync"');
  if (document.status === 503) void reply.header("retry-after", String(RETRY_AFTER_SECONDS));
  return reply.code(document.status).type("application/problem+json").send(document);
}
