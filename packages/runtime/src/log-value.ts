/** What a log line may hold: plain JSON of bounded size, errors with their causes, never raw bytes. */

import { errorCode, RuntimeError } from "./errors.ts";
import { storableText } from "./storable.ts";

const MAX_DEPTH = 6;
const MAX_ITEMS = 500;
const MAX_CAUSES = 5;
const MAX_TEXT = 8_000;
const MAX_MESSAGE = 2_000;
const MAX_STACK = 4_000;

/** An error as it appears in a log line. */
export interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly details?: unknown;
  readonly stack?: string;
  readonly cause?: LoggedError;
  readonly errors?: readonly LoggedError[];
}

/**
 * An error and its causes, at most five deep, without cycles. Only the outermost carries its stack. Own
 * properties of foreign errors are left out: libraries keep requests, headers and connection options there.
 */
export function toLoggedError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error))
    return { type: typeof error, message: storableText(String(error), MAX_MESSAGE) };
  const code = errorCode(error);
  const details = "details" in error ? error.details : undefined;
  const isLast = depth >= MAX_CAUSES;
  return {
    type: error.name,
    message: storableText(error.message, MAX_MESSAGE),
    ...(code !== undefined && { code }),
    ...((error instanceof RuntimeError || isFlat(details)) && {
      details: toLogValue(details, MAX_DEPTH - 2),
    }),
    ...(depth === 0 && error.stack !== undefined && { stack: storableText(error.stack, MAX_STACK) }),
    ...(error.cause !== undefined && !isLast && { cause: toLoggedError(error.cause, depth + 1) }),
    ...(error instanceof AggregateError &&
      !isLast && {
        errors: error.errors.slice(0, MAX_CAUSES).map((inner) => toLoggedError(inner, depth + 1)),
      }),
  };
}

/** Any value as bounded plain JSON. Bytes become their count: as JSON they would be numbers no scrubber can read. */
export function toLogValue(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return value.length > MAX_TEXT ? storableText(value, MAX_TEXT) : value;
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Error) return toLoggedError(value);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof URL) return `${value.protocol}//${value.host}${value.pathname}`;
  if ("toJSON" in value && typeof value.toJSON === "function") {
    const json: unknown = value.toJSON();
    return depth >= MAX_DEPTH ? "[too deep]" : toLogValue(json, depth + 1);
  }
  if (depth >= MAX_DEPTH) return "[too deep]";
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => toLogValue(item, depth + 1));
  if (value instanceof Set) return toLogValue([...value], depth);
  if (value instanceof Map) return toLogValue(Object.fromEntries(value), depth);
  return toLogFields(value, depth + 1);
}

/** The fields of one log call. */
export function toLogFields(fields: object, depth = 0): Record<string, unknown> {
  const entries = Object.entries(fields).slice(0, MAX_ITEMS);
  return Object.fromEntries(entries.map(([key, value]) => [key, toLogValue(value, depth)]));
}

function isFlat(details: unknown): boolean {
  return (
    typeof details === "object" &&
    details !== null &&
    Object.values(details).every(
      (value) => typeof value !== "object" || value === null || Array.isArray(value),
    )
  );
}
