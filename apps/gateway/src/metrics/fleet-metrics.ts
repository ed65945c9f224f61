/** The figures of the whole fleet, which no worker could tell alone, and what this gateway counted. */

import type { MirrorView, RouteStore } from "@gitsync/producer";
import type { Metric } from "./exposition.ts";
import type { DeliveryCount } from "./delivery-count.ts";

type GatewayMetric =
  | "git_sync_queue_depth"
  | "git_sync_mirror_lag_seconds"
  | "git_sync_mirror_last_success_timestamp_seconds"
  | "git_sync_webhooks_total";

interface MetricFacts extends Pick<Metric, "type" | "help"> {
  readonly labels: readonly string[];
}

/** Every metric of the gateway, with its meaning. Those without a process of their own are the same from each gateway. */
export const GATEWAY_METRICS: Readonly<Record<GatewayMetric, MetricFacts>> = Object.freeze({
  git_sync_queue_depth: { type: "gauge", labels: ["state"], help: "Jobs that are not over, by state" },
  git_sync_mirror_lag_seconds: {
    type: "gauge",
    labels: ["route"],
    help: "How long the oldest hint of a route has not been answered; 0 when none is open",
  },
  git_sync_mirror_last_success_timestamp_seconds: {
    type: "gauge",
    labels: ["route"],
    help: "When a run of a route last succeeded; absent before the first time",
  },
  git_sync_webhooks_total: {
    type: "counter",
    labels: ["provider", "outcome"],
    help: "Deliveries that this gateway took, by provider and by what became of them",
  },
});

export interface FleetFigures {
  readonly mirrors: readonly MirrorView[];
  readonly jobs: Awaited<ReturnType<RouteStore["jobCounts"]>>;
  readonly deliveries: DeliveryCount;
}

/** In the order of {@link GATEWAY_METRICS}. */
export function fleetMetrics({ mirrors, jobs, deliveries }: FleetFigures): readonly Metric[] {
  const routes = mirrors.flatMap((mirror) => mirror.routes);
  const samples: Readonly<Record<GatewayMetric, Metric["samples"]>> = {
    git_sync_queue_depth: (["waiting", "delayed", "active"] as const).map((state) => ({
      labels: { state },
      value: jobs[state],
    })),
    git_sync_mirror_lag_seconds: routes.map(({ id, lagMs }) => ({
      labels: { route: id },
      value: lagMs / 1000,
    })),
    git_sync_mirror_last_success_timestamp_seconds: routes.flatMap(({ id, lastSuccessAt }) =>
      lastSuccessAt === undefined ? [] : [{ labels: { route: id }, value: lastSuccessAt / 1000 }],
    ),
    git_sync_webhooks_total: deliveries.samples(),
  };
  return Object.entries(GATEWAY_METRICS).map(([name, { type, help }]) => ({
    name,
    type,
    help,
    samples: samples[name as GatewayMetric],
  }));
}
