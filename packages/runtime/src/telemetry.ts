/**
 * Tracing: OpenTelemetry's SDK, started only when somebody listens.
 *
 * Without an OTLP endpoint in the environment nothing of the SDK is even loaded (it costs 0.4 s), and every span of
 * the code is the API's no-op. Sampling, resource attributes, headers and timeouts are OpenTelemetry's own
 * `OTEL_*` variables, which the SDK reads from the process's environment.
 */

import type { SpanExporter } from "@opentelemetry/sdk-trace";
import { withDeadline } from "./deadline.ts";
import { createExportLog } from "./export-log.ts";
import type { Logger } from "./logger.ts";
import { SecretRegistry } from "./secret-registry.ts";
import { createRedactingExporter } from "./span-redaction.ts";

const FLUSH_MS = 3_000;

/** What git asks of a server: a closed list, so it may stand in a span's name. Source: gitprotocol-http(5). */
const GIT_PATH = /\/(info\/refs|git-upload-pack|git-receive-pack)(?:$|\?)/u;

export interface Telemetry {
  /** Whether spans are recorded and sent. */
  readonly enabled: boolean;
  /** Send what is left, for at most `deadlineMs` (default 3,000). Never throws: a lost trace is no failure. */
  shutdown(deadlineMs?: number): Promise<void>;
}

export interface TelemetryOptions {
  /** `git-sync-gateway`, `git-sync-worker`, `git-sync`. `OTEL_SERVICE_NAME` wins. */
  readonly serviceName: string;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  /** Live secrets, removed from everything exported. */
  readonly secrets?: SecretRegistry;
  /** Where it is told that nobody takes the spans. */
  readonly logger?: Logger;
  /** Instead of OTLP over HTTP; then tracing is on whatever the environment says. For tests. */
  readonly exporter?: SpanExporter;
}

/** Whether the environment names a place to send traces to and does not switch the SDK off. */
export function isTracingRequested(env: NodeJS.ProcessEnv): boolean {
  const endpoint = env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] ?? env["OTEL_EXPORTER_OTLP_ENDPOINT"] ?? "";
  return (
    endpoint.trim() !== "" &&
    env["OTEL_SDK_DISABLED"]?.trim().toLowerCase() !== "true" &&
    env["OTEL_TRACES_EXPORTER"]?.trim() !== "none"
  );
}

/** Start tracing if it was asked for. Call it before queues, workers and HTTP clients are made. */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { serviceName, version, env, logger, secrets = new SecretRegistry() } = options;
  if (options.exporter === undefined && !isTracingRequested(env)) {
    return { enabled: false, shutdown: async () => undefined };
  }
  const [{ NodeSDK }, { UndiciInstrumentation }, resources] = await Promise.all([
    import("@opentelemetry/sdk-node"),
    import("@opentelemetry/instrumentation-undici"),
    import("@opentelemetry/resources"),
  ]);
  const sdk = new NodeSDK({
    resource: resources.resourceFromAttributes({
      "service.name": env["OTEL_SERVICE_NAME"] ?? serviceName,
      "service.version": version,
    }),
    // Not the process detector: it exports the command line, which may hold a token.
    resourceDetectors: [resources.envDetector, resources.hostDetector, resources.serviceInstanceIdDetector],
    traceExporter: createRedactingExporter(
      options.exporter ?? (await openOtlpExporter()),
      secrets,
      logger && createExportLog(logger, "traces"),
    ),
    // Metrics are served on /metrics, logs go to standard error: neither is pushed from here.
    metricReaders: [],
    logRecordProcessors: [],
    // Only requests made on behalf of a span. The exporter speaks through node:http, which is not instrumented.
    instrumentations: [
      new UndiciInstrumentation({
        requireParentforSpans: true,
        requestHook: (span, { method, path }) => {
          const service = GIT_PATH.exec(path)?.[1];
          if (service !== undefined) span.updateName(`${method} ${service}`);
        },
      }),
    ],
  });
  sdk.start();
  return {
    enabled: true,
    async shutdown(deadlineMs = FLUSH_MS) {
      await withDeadline(sdk.shutdown(), deadlineMs).catch(() => undefined);
    },
  };
}

async function openOtlpExporter(): Promise<SpanExporter> {
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
  return new OTLPTraceExporter();
}
