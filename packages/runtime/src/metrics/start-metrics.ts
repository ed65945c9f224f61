/** Starts counting: the instruments of every metric, a reader for Prometheus, and OTLP where it was asked for. */

import type { Counter, Histogram, Meter } from "@opentelemetry/api";
import type { MetricReader, ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { withDeadline } from "../deadline.ts";
import { createExportLog, type ExportOutcome } from "../export-log.ts";
import type { Logger } from "../logger.ts";
import { METRICS, type MetricFacts, type MetricName } from "./metric-table.ts";
import type { FleetFigures, Metrics } from "./metrics.ts";

const FLUSH_MS = 3_000;

/** From a look that finds nothing to do to the first mirror of something large. */
const SECONDS: number[] = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200];

export interface MetricsOptions {
  /** `git-sync-gateway`, `git-sync-worker`, `git-sync`. `OTEL_SERVICE_NAME` wins. */
  readonly serviceName: string;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where it is told that nobody takes the metrics. */
  readonly logger?: Logger;
}

/** Whether the environment names a place to send metrics to and does not switch that off. */
export function isMetricsExportRequested(env: NodeJS.ProcessEnv): boolean {
  const endpoint = env["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"] ?? env["OTEL_EXPORTER_OTLP_ENDPOINT"] ?? "";
  return (
    endpoint.trim() !== "" &&
    env["OTEL_SDK_DISABLED"]?.trim().toLowerCase() !== "true" &&
    env["OTEL_METRICS_EXPORTER"]?.trim() !== "none"
  );
}

/** Load the SDK and make every instrument. */
export async function startMetrics({ serviceName, version, env, logger }: MetricsOptions): Promise<Metrics> {
  const [sdk, { PrometheusSerializer }, { resourceFromAttributes }] = await Promise.all([
    import("@opentelemetry/sdk-metrics"),
    import("@opentelemetry/exporter-prometheus"),
    import("@opentelemetry/resources"),
  ]);
  /** Reads when it is asked, and never by itself. */
  class ReaderOnDemand extends sdk.MetricReader {
    protected override onForceFlush(): Promise<void> {
      return Promise.resolve();
    }
    protected override onShutdown(): Promise<void> {
      return Promise.resolve();
    }
  }
  const resource = resourceFromAttributes({
    "service.name": env["OTEL_SERVICE_NAME"] ?? serviceName,
    "service.version": version,
  });
  const reader = new ReaderOnDemand();
  const readers: MetricReader[] = [reader];
  if (isMetricsExportRequested(env)) {
    const { OTLPMetricExporter } = await import("@opentelemetry/exporter-metrics-otlp-http");
    const told = logger && createExportLog(logger, "metrics");
    class ToldExporter extends OTLPMetricExporter {
      override export(metrics: ResourceMetrics, done: (outcome: ExportOutcome) => void): void {
        super.export(metrics, (outcome) => {
          told?.(outcome);
          done(outcome);
        });
      }
    }
    readers.push(new sdk.PeriodicExportingMetricReader({ exporter: new ToldExporter() }));
  }
  const provider = new sdk.MeterProvider({ resource, readers });
  const { counters, histograms } = instrumentsOf(provider.getMeter("git-sync", version));
  // No resource and no scope in the lines: a scrape has names of its own for both.
  const print = async (from: MetricReader): Promise<string> =>
    new PrometheusSerializer("", false, undefined, true, true)
      .serialize((await from.collect()).resourceMetrics)
      .replace(/^# no registered metrics\n?$/u, "");
  const printFigures = async (figures: FleetFigures): Promise<string> => {
    const own = new ReaderOnDemand();
    const once = new sdk.MeterProvider({ readers: [own] });
    const meter = once.getMeter("git-sync", version);
    for (const [name, values] of Object.entries(figures)) {
      const gauge = meter.createGauge(name, describe(name as MetricName));
      for (const { value, labels } of values) gauge.record(value, labels);
    }
    const text = await print(own);
    await once.shutdown();
    return text;
  };
  return {
    add: (name, value, labels) => counters.get(name)?.add(value, labels),
    record: (name, value, labels) => histograms.get(name)?.record(value, labels),
    text: async (figures) =>
      `${await print(reader)}${figures === undefined ? "" : await printFigures(figures)}`,
    async shutdown(deadlineMs = FLUSH_MS) {
      await withDeadline(provider.shutdown(), deadlineMs).catch(() => undefined);
    },
  };
}

interface Instruments {
  readonly counters: ReadonlyMap<string, Counter>;
  readonly histograms: ReadonlyMap<string, Histogram>;
}

function instrumentsOf(meter: Meter): Instruments {
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  for (const [name, facts] of Object.entries<MetricFacts>(METRICS)) {
    const options = describe(name as MetricName);
    if (facts.kind === "counter") counters.set(name, meter.createCounter(name, options));
    if (facts.kind === "histogram") {
      const advice = { explicitBucketBoundaries: SECONDS };
      histograms.set(name, meter.createHistogram(name, { ...options, advice }));
    }
  }
  return { counters, histograms };
}

function describe(name: MetricName): { readonly description: string; readonly unit: string } {
  const { meaning, unit } = METRICS[name];
  return { description: meaning, unit };
}
