/** Every metric that git-sync has, by the name it has everywhere: on `/metrics` and over OTLP. */

export interface MetricFacts {
  readonly kind: "counter" | "histogram" | "gauge";
  /** OpenTelemetry's unit; the name says it already. */
  readonly unit: "s" | "By" | "1";
  readonly labels: readonly string[];
  readonly meaning: string;
  /** Who knows it: `process` each one what it did itself, `fleet` whoever reads the state, for all. */
  readonly of: "process" | "fleet";
}

/** In the order of the documentation. Routes are the only label whose values are as many as the fleet is large. */
export const METRICS = {
  git_sync_jobs_total: {
    kind: "counter",
    unit: "1",
    labels: ["outcome"],
    meaning: "runs that ended, by outcome",
    of: "process",
  },
  git_sync_job_duration_seconds: {
    kind: "histogram",
    unit: "s",
    labels: ["outcome"],
    meaning: "how long runs took",
    of: "process",
  },
  git_sync_queue_wait_seconds: {
    kind: "histogram",
    unit: "s",
    labels: ["trigger"],
    meaning: "from a hint to the start of the run that answers it",
    of: "process",
  },
  git_sync_refs_total: {
    kind: "counter",
    unit: "1",
    labels: ["action"],
    meaning: "refs that were created, updated and deleted",
    of: "process",
  },
  git_sync_pack_bytes_total: {
    kind: "counter",
    unit: "By",
    labels: ["side"],
    meaning: "bytes of packs that came from sources and went to targets",
    of: "process",
  },
  git_sync_remote_requests_total: {
    kind: "counter",
    unit: "1",
    labels: ["side", "host", "status"],
    meaning:
      "requests to git servers; status is ok, or the code that the run failed with; of a run that failed before it had a plan, the request that failed",
    of: "process",
  },
  git_sync_webhooks_total: {
    kind: "counter",
    unit: "1",
    labels: ["provider", "outcome"],
    meaning: "deliveries of webhooks",
    of: "process",
  },
  git_sync_missed_hints_total: {
    kind: "counter",
    unit: "1",
    labels: [],
    meaning: "changes that the schedule found at mirrors whose webhook said nothing",
    of: "process",
  },
  git_sync_state_changes_total: {
    kind: "counter",
    unit: "1",
    labels: ["state"],
    meaning: "routes that came into a state: failing, degraded, unknown, ok again",
    of: "process",
  },
  git_sync_queue_depth: {
    kind: "gauge",
    unit: "1",
    labels: ["state"],
    meaning: "jobs that wait, are put off or run",
    of: "fleet",
  },
  git_sync_mirror_lag_seconds: {
    kind: "gauge",
    unit: "s",
    labels: ["route"],
    meaning: "since when a hint of the route is not answered; 0 when all are",
    of: "fleet",
  },
  git_sync_mirror_last_success_timestamp_seconds: {
    kind: "gauge",
    unit: "s",
    labels: ["route"],
    meaning: "when the route was last seen equal",
    of: "fleet",
  },
  git_sync_mirrors: {
    kind: "gauge",
    unit: "1",
    labels: ["state"],
    meaning: "routes in each state",
    of: "fleet",
  },
  git_sync_host_in_flight: {
    kind: "gauge",
    unit: "1",
    labels: ["host"],
    meaning: "runs that use a host, as source or as target",
    of: "fleet",
  },
} as const satisfies Readonly<Record<string, MetricFacts>>;

export type MetricName = keyof typeof METRICS;
