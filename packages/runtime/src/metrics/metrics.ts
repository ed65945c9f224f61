/**
 * The process's metrics: OpenTelemetry's instruments, read by Prometheus and, where the environment names an OTLP
 * endpoint for metrics, sent there as well. The SDK is loaded by `startMetrics` and by nothing else.
 */

import type { METRICS, MetricName } from "./metric-table.ts";

type NamesOf<Kind extends string> = {
  [Name in MetricName]: (typeof METRICS)[Name]["kind"] extends Kind ? Name : never;
}[MetricName];

export type CounterName = NamesOf<"counter">;
export type HistogramName = NamesOf<"histogram">;
export type GaugeName = NamesOf<"gauge">;

/** The labels that a metric has, each with a value. */
export type LabelsOf<Name extends MetricName> = Readonly<
  Record<(typeof METRICS)[Name]["labels"][number], string>
>;

/** One value of a gauge. */
export interface GaugeValue<Name extends GaugeName> {
  readonly labels: LabelsOf<Name>;
  readonly value: number;
}

/** The fleet's gauges, as somebody read them from the state just now. */
export type FleetFigures = { readonly [Name in GaugeName]?: readonly GaugeValue<Name>[] };

export interface Metrics {
  /** Add to a counter. */
  add<Name extends CounterName>(name: Name, value: number, labels: LabelsOf<Name>): void;
  /** Add a measured value, in the unit of the name. */
  record<Name extends HistogramName>(name: Name, value: number, labels: LabelsOf<Name>): void;
  /**
   * Everything that this process counted, in Prometheus' text format 0.0.4, and `figures` besides: they are shown in
   * this answer and kept nowhere, so that a route that is gone leaves no line behind.
   */
  text(figures?: FleetFigures): Promise<string>;
  /** Send what is left, for at most `deadlineMs` (default 3,000). Never throws. */
  shutdown(deadlineMs?: number): Promise<void>;
}

/** Media type of {@link Metrics.text}. */
export const METRICS_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Counts nothing: for a library's callers that want no metrics. */
export const NO_METRICS: Metrics = Object.freeze({
  add: () => undefined,
  record: () => undefined,
  text: () => Promise.resolve(""),
  shutdown: () => Promise.resolve(),
});
