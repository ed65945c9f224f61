/** The HTTP server before any route: timeouts, size limits, access, tracing, and errors as problems. */

import { errorText, type Logger, type Secret } from "@gitsync/runtime";
import type { Socket } from "node:net";
import { fastify, LogController, type FastifyBaseLogger, type FastifyInstance } from "fastify";
import { guardRoutes } from "./access.ts";
import { problemOf } from "./problem-of.ts";
import { Problem, problemDocument, sendProblem } from "./problem.ts";
import { traceRequests } from "./request-span.ts";
import { addSecurityHeaders } from "./security-headers.ts";

/** A request has a few endpoints and patterns; nobody needs more. */
const MAX_BODY_BYTES = 1024 * 1024;
/** From the first byte to the last: a dripping client is cut off. */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 5_000;

export interface ServerOptions {
  readonly logger: Logger;
  readonly token: Secret | undefined;
}

export function createServer({ logger, token }: ServerOptions): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = logger;
  const server: FastifyInstance = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "request_id" }),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: 2 * REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxRequestsPerSocket: 1_000,
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: 16 * 1024,
    },
    forceCloseConnections: "idle",
    trustProxy: false,
    requestIdHeader: false,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, problemOf(error)),
    clientErrorHandler: answerBrokenRequest,
  });
  // JSON is the only body: text/plain is what a form of another site could send without asking first.
  server.removeContentTypeParser("text/plain");
  addSecurityHeaders(server);
  traceRequests(server);
  guardRoutes(server, token);

  server.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error);
    if (problem.code === "internal") request.log.error({ err: error }, "request failed");
    else if (problem.code === "queue-unavailable")
      request.log.warn({ error: errorText(error) }, "queue unavailable");
    return sendProblem(reply, problem);
  });
  server.setNotFoundHandler((_request, reply) =>
    sendProblem(reply, new Problem("not-found", "The API begins at /v1/jobs and /v1/mirrors")),
  );
  return server;
}

/** What did not even parse as a request, or did not arrive in time, is answered on the bare socket. */
function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const problem =
    error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? new Problem("request-timeout", "Send headers and body at once")
      : new Problem("body-invalid", "This is not a valid HTTP request");
  const body = JSON.stringify(problemDocument(problem));
  const { status } = problemDocument(problem);
  socket.end(
    `HTTP/1.1 ${status} ${status === 408 ? "Request Timeout" : "Bad Request"}\r\nConnection: close\r\n` +
      `Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
