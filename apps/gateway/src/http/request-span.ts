/**
 * The SERVER span of a request: the first span of a trace that ends at the target's answer.
 *
 * The trace context of the caller is taken from its headers. The span is active while the handler runs, so what is
 * enqueued there becomes its child, and every log line carries its ids.
 */

import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type Tracer,
} from "@opentelemetry/api";
import type { FastifyInstance, FastifyRequest } from "fastify";

interface RequestSpan {
  readonly span: Span;
  readonly context: Context;
}

/** Start a span with each request and end it with its answer. Register before any other hook. */
export function traceRequests(
  server: FastifyInstance,
  tracer: Tracer = trace.getTracer("@gitsync/gateway"),
): void {
  const spans = new WeakMap<FastifyRequest, RequestSpan>();
  const inside = (request: FastifyRequest, done: () => void): void => {
    const own = spans.get(request);
    if (own === undefined) done();
    else context.with(own.context, done);
  };

  server.addHook("onRequest", (request, _reply, done) => {
    const name = spanName(request);
    if (name === undefined) return done();
    const parent = propagation.extract(ROOT_CONTEXT, request.headers);
    const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes: attributesOf(request) }, parent);
    spans.set(request, { span, context: trace.setSpan(parent, span) });
    inside(request, done);
  });
  // Reading the body resumes from the socket's events, which know nothing of the span: enter it again.
  server.addHook("preHandler", (request, _reply, done) => inside(request, done));
  server.addHook("onResponse", (request, reply, done) => {
    endSpan(request, reply.statusCode);
    done();
  });
  // The client went away before its answer.
  server.addHook("onRequestAbort", (request, done) => {
    endSpan(request, undefined);
    done();
  });

  function endSpan(request: FastifyRequest, status: number | undefined): void {
    const span = spans.get(request)?.span;
    if (span === undefined) return;
    spans.delete(request);
    if (status !== undefined) span.setAttribute("http.response.status_code", status);
    if (status === undefined || status >= 500) {
      span.setAttribute("error.type", status === undefined ? "aborted" : String(status));
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  }
}

/** `POST /v1/jobs/:id/cancel`: the route's template, never the path, so that names stay few. */
function spanName(request: FastifyRequest): string | undefined {
  const { config, url: route } = request.routeOptions;
  if (config?.spanName === false) return undefined;
  if (config?.spanName !== undefined) return config.spanName;
  return route === undefined ? request.method : `${request.method} ${route}`;
}

function attributesOf(request: FastifyRequest): Record<string, string | number> {
  const route = request.routeOptions.url;
  const agent = request.headers["user-agent"];
  return {
    "http.request.method": request.method,
    "url.scheme": request.protocol,
    "url.path": request.url.split("?", 1)[0] ?? "",
    "network.protocol.version": request.raw.httpVersion,
    ...(route === undefined ? {} : { "http.route": route }),
    ...(agent === undefined ? {} : { "user_agent.original": agent.slice(0, 200) }),
  };
}
