/** The last ring for traces: what an exporter sees of a span holds no credential and no query of a URL. */

import type { Attributes, AttributeValue } from "@opentelemetry/api";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import type { ExportOutcome } from "./export-log.ts";
import type { SecretRegistry } from "./secret-registry.ts";

/** Tokens of storage URLs (`X-Amz-Signature`, `sig`, `access_token`) travel in the query. */
const DROPPED: ReadonlySet<string> = new Set(["url.query", "url.fragment", "http.target"]);
const URLS: ReadonlySet<string> = new Set(["url.full", "http.url"]);

/** Hands on copies of the spans, with every text in them scrubbed; `told` hears what became of them. */
export function createRedactingExporter(
  exporter: SpanExporter,
  secrets: SecretRegistry,
  told: (outcome: ExportOutcome) => void = () => undefined,
): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(
        spans.map((span) => redactSpan(span, secrets)),
        (outcome) => {
          told(outcome);
          done(outcome);
        },
      );
    },
    shutdown: async () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}

/** The span as it may leave the process; the given one is not changed. */
function redactSpan(span: ReadableSpan, secrets: SecretRegistry): ReadableSpan {
  const { message } = span.status;
  return {
    name: secrets.scrub(span.name),
    kind: span.kind,
    spanContext: () => span.spanContext(),
    ...(span.parentSpanContext !== undefined && { parentSpanContext: span.parentSpanContext }),
    startTime: span.startTime,
    endTime: span.endTime,
    status: { code: span.status.code, ...(message !== undefined && { message: secrets.scrub(message) }) },
    attributes: redactAttributes(span.attributes, secrets),
    links: span.links.map((link) => ({
      ...link,
      ...(link.attributes !== undefined && { attributes: redactAttributes(link.attributes, secrets) }),
    })),
    events: span.events.map((event) => ({
      ...event,
      ...(event.attributes !== undefined && { attributes: redactAttributes(event.attributes, secrets) }),
    })),
    duration: span.duration,
    ended: span.ended,
    resource: span.resource,
    instrumentationScope: span.instrumentationScope,
    droppedAttributesCount: span.droppedAttributesCount,
    droppedEventsCount: span.droppedEventsCount,
    droppedLinksCount: span.droppedLinksCount,
  };
}

function redactAttributes(attributes: Attributes, secrets: SecretRegistry): Attributes {
  const redacted: Attributes = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || DROPPED.has(name)) continue;
    redacted[name] = redactValue(URLS.has(name) ? bareUrl(value) : value, secrets);
  }
  return redacted;
}

function redactValue(value: AttributeValue, secrets: SecretRegistry): AttributeValue {
  if (typeof value === "string") return secrets.scrub(value);
  if (!Array.isArray(value)) return value;
  return value.map((item) => (typeof item === "string" ? secrets.scrub(item) : item)) as AttributeValue;
}

/** Scheme, host, port and path. What cannot be parsed is not worth a risk. */
function bareUrl(value: AttributeValue): string {
  const text = String(value);
  if (!URL.canParse(text)) return "[unreadable URL]";
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname}`;
}
