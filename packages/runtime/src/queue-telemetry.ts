/**
 * BullMQ's telemetry seam on OpenTelemetry, with the messaging conventions' names.
 *
 * A job's trace context travels in the job. Only putting a job on the queue and processing it become spans; BullMQ's
 * own housekeeping (lock renewal, stalled checks, fetching) would make one endless trace per worker.
 *
 * Source: OpenTelemetry semantic conventions 1.45, "Messaging spans".
 */

import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Attributes, Context, Span } from "@opentelemetry/api";
import type { Telemetry } from "bullmq";
import { storableText } from "./storable.ts";

type QueueSpan = ReturnType<Telemetry<Context>["tracer"]["startSpan"]>;

const MAX_MESSAGE = 300;

/** BullMQ's attributes that have a name in the conventions; the others are left out. */
const ATTRIBUTES: ReadonlyMap<string, string> = new Map([
  ["bullmq.queue.name", "messaging.destination.name"],
  ["bullmq.job.id", "messaging.message.id"],
  ["bullmq.worker.id", "messaging.client.id"],
  ["bullmq.job.bulk.count", "messaging.batch.message_count"],
]);

/** Give it to `openQueueStore`. Cheap while tracing is off: the API's spans are no-ops then. */
export function createQueueTelemetry(): Telemetry<Context> {
  const tracer = trace.getTracer("@gitsync/runtime");
  return {
    tracer: {
      startSpan(name, _options, parent = context.active()) {
        const operation = name.split(" ", 1)[0] ?? "";
        const kind = kindOf(operation);
        if (kind === undefined) return IGNORED_SPAN;
        const type = kind === SpanKind.PRODUCER ? "send" : "process";
        const attributes = {
          "messaging.system.name": "bullmq",
          "messaging.operation.type": type,
          "messaging.operation.name": operation,
        };
        return wrapSpan(tracer.startSpan(`${type} git-sync`, { kind, attributes }, parent));
      },
    },
    contextManager: {
      with: (active, run) => context.with(active, run),
      active: () => context.active(),
      root: () => ROOT_CONTEXT,
      getMetadata(active) {
        const carrier: Record<string, string> = {};
        propagation.inject(active, carrier);
        return JSON.stringify(carrier);
      },
      fromMetadata: (active, metadata) => propagation.extract(active, parseCarrier(metadata)),
    },
  };
}

/** `undefined` for what happens inside BullMQ. */
function kindOf(operation: string): SpanKind | undefined {
  if (operation === "add" || operation === "addBulk") return SpanKind.PRODUCER;
  return operation === "process" ? SpanKind.CONSUMER : undefined;
}

function wrapSpan(span: Span): QueueSpan {
  const setAttributes = (attributes: Readonly<Record<string, unknown>>): void => {
    span.setAttributes(toConventions(attributes));
  };
  return {
    setSpanOnContext: (active: Context) => trace.setSpan(active, span),
    setAttribute(name, value) {
      setAttributes({ [name]: value });
    },
    setAttributes,
    addEvent(name, attributes) {
      // The event "job completed" carries the whole result of the job, which is no span's business.
      if (name !== "job failed") return;
      const reason = attributes?.["bullmq.job.failed.reason"];
      span.setStatus({ code: SpanStatusCode.ERROR, message: shorten(reason ?? "job failed") });
    },
    recordException(exception) {
      const message =
        typeof exception === "string" ? exception : (exception.message ?? exception.name ?? "error");
      span.recordException({ name: nameOf(exception), message: shorten(message) });
      span.setStatus({ code: SpanStatusCode.ERROR, message: shorten(message) });
    },
    end() {
      span.end();
    },
  };
}

const IGNORED_SPAN: QueueSpan = {
  setSpanOnContext: (active: Context) => active,
  setAttribute: () => undefined,
  setAttributes: () => undefined,
  addEvent: () => undefined,
  recordException: () => undefined,
  end: () => undefined,
};

function toConventions(attributes: Readonly<Record<string, unknown>>): Attributes {
  const renamed: Attributes = {};
  for (const [name, value] of Object.entries(attributes)) {
    const convention = ATTRIBUTES.get(name);
    if (convention !== undefined && (typeof value === "string" || typeof value === "number")) {
      renamed[convention] = value;
    }
  }
  return renamed;
}

/** Metadata comes from the store: anything may have written it. */
function parseCarrier(metadata: string): Record<string, unknown> {
  try {
    const carrier: unknown = JSON.parse(metadata);
    return typeof carrier === "object" && carrier !== null ? { ...carrier } : {};
  } catch {
    return {};
  }
}

function nameOf(exception: Parameters<QueueSpan["recordException"]>[0]): string {
  return typeof exception === "object" && exception.name !== undefined ? exception.name : "Error";
}

function shorten(text: unknown): string {
  return storableText(String(text), MAX_MESSAGE);
}
