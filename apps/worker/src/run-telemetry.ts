/** What a run leaves in traces and logs. Names: `git_sync.*` attributes, snake_case fields. */

import {
  context,
  isSpanContextValid,
  trace,
  TraceFlags,
  type Span,
  type SpanContext,
} from "@opentelemetry/api";
import type { Hint, RouteDefinition, RunReport } from "@gitsync/jobs";
import type { PackSize } from "./run-progress.ts";

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/u;

/** The queue's `process` span. */
export function processSpan(): Span | undefined {
  return trace.getSpan(context.active());
}

export function traceIdOf(span: Span | undefined): string | undefined {
  const spanContext = span?.spanContext();
  return spanContext !== undefined && isSpanContextValid(spanContext) ? spanContext.traceId : undefined;
}

/** A link to every hint that this run answers, but for the one whose trace it continues. */
export function linkHints(span: Span | undefined, hints: readonly Hint[]): void {
  const own = traceIdOf(span);
  for (const hint of hints) {
    const hinted = hint.traceparent === undefined ? undefined : parseTraceparent(hint.traceparent);
    if (hinted !== undefined && hinted.traceId !== own) {
      span?.addLink({ context: hinted, attributes: { "git_sync.trigger": hint.trigger } });
    }
  }
}

function parseTraceparent(text: string): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(text) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED;
  const parsed = { traceId, spanId, traceFlags, isRemote: true };
  return isSpanContextValid(parsed) ? parsed : undefined;
}

/** Several routes of one target may run in one job; their attributes are those of the last. */
export function describeRun(
  span: Span | undefined,
  route: RouteDefinition,
  report: RunReport,
  pack: PackSize,
): void {
  if (span === undefined) return;
  const slash = route.id.indexOf("/");
  span.setAttributes({
    "git_sync.route": route.id,
    ...(slash < 0 ? {} : { "git_sync.mirror": route.id.slice(0, slash) }),
    "git_sync.attempt": report.attempt,
    "git_sync.outcome": report.outcome,
    ...(report.error === undefined ? {} : { "error.type": report.error.code }),
  });
  if (report.result === undefined) return;
  const { counts, execution } = report.result;
  span.setAttributes({
    "git_sync.transfer_mode": execution.transferMode,
    "git_sync.transfer_reason": execution.reason,
    "git_sync.protocol": execution.protocol,
    "git_sync.refs.applied": counts.applied + counts.deleted,
    "git_sync.refs.skipped": counts.skipped,
    "git_sync.refs.blocked": counts.blocked,
    "git_sync.refs.refused": counts.refused,
    "git_sync.pack.bytes": pack.bytes,
    ...(pack.objects === undefined ? {} : { "git_sync.pack.objects": pack.objects }),
  });
}

/** The same value with the names of its members in snake_case. */
export function snakeCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCased);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, member]) => [
    name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`),
    snakeCased(member),
  ]);
  return Object.fromEntries(entries);
}
