/**
 * The process's logger: pino, one JSON object per line, snake_case fields.
 *
 * Lines go to standard error, because standard output carries results only. A line written inside a span carries
 * its `trace_id` and `span_id`. Every line passes the secret registry's scrubber as text, after all formatting.
 */

import { isSpanContextValid, trace } from "@opentelemetry/api";
import { destination as openDestination, pino, stdTimeFunctions } from "pino";
import type { DestinationStream, Logger as PinoLogger } from "pino";
import { formatPrettyLine } from "./log-pretty.ts";
import { toLogFields, toLoggedError, toLogValue } from "./log-value.ts";
import { SecretRegistry } from "./secret-registry.ts";

/** What every component logs to. Message: a static sentence; everything variable is a field. */
export type Logger = PinoLogger;

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ["json", "pretty"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LoggerOptions {
  /** The component, e.g. `git-sync-worker`; field `name` of every line. */
  readonly name: string;
  /** Default: `info`. */
  readonly level?: LogLevel;
  /** `pretty` is one readable line per entry. Default: `json`. */
  readonly format?: LogFormat;
  /** Where lines go, each with its line feed. Default: standard error, written synchronously. */
  readonly destination?: DestinationStream;
  /** Live secrets to remove from every line. Default: an empty registry, which still knows common token shapes. */
  readonly secrets?: SecretRegistry;
}

/** Make the process's logger; make children of it with `.child({ … })`. */
export function createLogger(options: LoggerOptions): Logger {
  const { name, level = "info", format = "json", secrets = new SecretRegistry() } = options;
  const sink = options.destination ?? openDestination({ dest: 2, sync: true });
  const line = format === "pretty" ? formatPrettyLine : (json: string): string => json;
  const logger: Logger = pino(
    {
      level,
      base: { name },
      timestamp: stdTimeFunctions.isoTime,
      mixin: traceFields,
      serializers: { err: toLogError, error: toLogError },
      formatters: { level: (label) => ({ level: label }), log: logFields },
    },
    {
      write(json: string): void {
        sink.write(secrets.scrub(line(json)));
      },
    },
  );
  // pino forgets `formatters.bindings` in children, and children inherit from the logger they are made of.
  const prototype: Logger = Object.getPrototypeOf(logger);
  logger.child = function childWithPlainBindings(this: Logger, bindings, childOptions) {
    return prototype.child.call(this, logFields(bindings), childOptions);
  } as Logger["child"];
  return logger;
}

/** A logger that writes nothing, for tests and for callers without one. */
export function createSilentLogger(): Logger {
  return pino({ level: "silent", base: null });
}

function toLogError(value: unknown): unknown {
  return value instanceof Error ? toLoggedError(value) : toLogValue(value);
}

/** `err` and `error` keep their error for the serializers; everything else becomes plain JSON here. */
function logFields(fields: Record<string, unknown>): Record<string, unknown> {
  const { err, error, ...rest } = fields;
  return { ...toLogFields(rest), ...(err !== undefined && { err }), ...(error !== undefined && { error }) };
}

function traceFields(): object {
  const context = trace.getActiveSpan()?.spanContext();
  if (context === undefined || !isSpanContextValid(context)) return {};
  return { trace_id: context.traceId, span_id: context.spanId };
}
