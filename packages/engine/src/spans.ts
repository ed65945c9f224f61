/** The spans of a run. Without a tracer of the caller's, OpenTelemetry's own no-op is used. */

import {
  context,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Span,
  type Tracer,
} from "@opentelemetry/api";
import type { GitService } from "@gitsync/protocol";
import { isSyncError } from "./errors.ts";
import { schemeOf, type RemoteLocation } from "./location/location.ts";

/** Run `work` inside a span; a failure marks it with `error.type` and is passed on. */
export type WithSpan = <T>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<T>,
) => Promise<T>;

export function spansOf(tracer: Tracer): WithSpan {
  return async (name, attributes, work) => {
    const span = tracer.startSpan(name, { attributes });
    try {
      return await context.with(trace.setSpan(context.active(), span), () => work(span));
    } catch (error) {
      markFailed(span, error);
      throw error;
    } finally {
      span.end();
    }
  };
}

/** Mark a span with `error.type` and what is known of the failure. */
export function markFailed(span: Span, error: unknown): void {
  const code = isSyncError(error) ? error.code : error instanceof Error ? error.name : "unknown";
  span.setAttribute("error.type", code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: isSyncError(error) ? error.message : code });
}

/**
 * Starts the CLIENT span of one exchange with a git service that is not reached over HTTP; requests over HTTP have
 * theirs from whoever instruments the HTTP client.
 */
export type StartExchangeSpan = () => Span;

export function exchangeSpansOf(
  tracer: Tracer,
  service: GitService,
  location: RemoteLocation,
): StartExchangeSpan {
  const scheme = schemeOf(location);
  const attributes = { "url.scheme": scheme, ...placeOf(location) };
  return () => tracer.startSpan(`${scheme} ${service}`, { kind: SpanKind.CLIENT, attributes });
}

/** Of a remote helper's address nobody knows which part is secret. */
function placeOf(location: RemoteLocation): Attributes {
  switch (location.kind) {
    case "path":
      return { "url.path": location.path };
    case "ssh":
    case "daemon": {
      const { hostname, port, path } = location;
      return {
        "server.address": hostname,
        ...(port === undefined ? {} : { "server.port": port }),
        "url.path": path,
      };
    }
    case "http":
    case "helper":
      return {};
  }
}
