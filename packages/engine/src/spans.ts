/** The spans of a run. Without a tracer of the caller's, OpenTelemetry's own no-op is used. */

import { context, SpanStatusCode, trace, type Attributes, type Span, type Tracer } from "@opentelemetry/api";
import { isSyncError } from "./errors.ts";

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
      const code = isSyncError(error) ? error.code : error instanceof Error ? error.name : "unknown";
      span.setAttribute("error.type", code);
      span.setStatus({ code: SpanStatusCode.ERROR, message: isSyncError(error) ? error.message : code });
      throw error;
    } finally {
      span.end();
    }
  };
}
