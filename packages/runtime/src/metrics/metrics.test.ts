import { describe, expect, test } from "vitest";
import { METRICS } from "./metric-table.ts";
import { isMetricsExportRequested, startMetrics } from "./start-metrics.ts";

const start = () => startMetrics({ serviceName: "test", version: "1", env: {} });

describe("metrics", () => {
  test("are printed under the names that the table has, with its labels", async () => {
    const metrics = await start();
    metrics.add("git_sync_jobs_total", 2, { outcome: "converged" });
    metrics.add("git_sync_pack_bytes_total", 1_000, { side: "source" });
    metrics.record("git_sync_job_duration_seconds", 0.2, { outcome: "converged" });
    const text = await metrics.text({
      git_sync_queue_depth: [{ labels: { state: "waiting" }, value: 3 }],
      git_sync_mirror_lag_seconds: [{ labels: { route: 'a/"b"' }, value: 0.5 }],
    });
    expect(text).toContain("# TYPE git_sync_jobs_total counter\n");
    expect(text).toContain('git_sync_jobs_total{outcome="converged"} 2\n');
    expect(text).toContain('git_sync_pack_bytes_total{side="source"} 1000\n');
    expect(text).toContain('git_sync_job_duration_seconds_bucket{outcome="converged",le="0.25"} 1\n');
    expect(text).toContain("# TYPE git_sync_queue_depth gauge\n");
    expect(text).toContain('git_sync_queue_depth{state="waiting"} 3\n');
    expect(text).toContain('git_sync_mirror_lag_seconds{route="a/\\"b\\""} 0.5\n');
    for (const line of text.split("\n")) expect(line).toMatch(/^(?:|# .*|git_sync_[a-z_]+\{[^}]*\} \S+)$/u);
    await metrics.shutdown();
  });

  test("of a fleet are gone from the next answer when nobody knows them any more", async () => {
    const metrics = await start();
    await metrics.text({ git_sync_mirrors: [{ labels: { state: "ok" }, value: 1 }] });
    expect(await metrics.text()).toBe("");
  });

  test("have names that say their unit, and lines that say what they mean", () => {
    for (const [name, { kind, unit, meaning }] of Object.entries(METRICS)) {
      expect(name).toMatch(/^git_sync_[a-z_]+$/u);
      expect(name.endsWith("_total")).toBe(kind === "counter");
      if (unit === "s") expect(name).toMatch(/_seconds$/u);
      if (unit === "By") expect(name).toContain("_bytes");
      expect(meaning).not.toBe("");
    }
  });

  test("are sent where the environment says", () => {
    expect(isMetricsExportRequested({})).toBe(false);
    expect(isMetricsExportRequested({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" })).toBe(true);
    expect(
      isMetricsExportRequested({
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318",
        OTEL_METRICS_EXPORTER: "none",
      }),
    ).toBe(false);
  });
});
