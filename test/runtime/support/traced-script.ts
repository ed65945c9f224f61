/** A process that makes one request on behalf of a span, one without, and sends its trace and what it counted away. */

import { trace } from "@opentelemetry/api";
import { createLogger, SecretRegistry, startMetrics, startTelemetry } from "@gitsync/runtime";

const secrets = new SecretRegistry();
secrets.add("argument-canary");
const logger = createLogger({ name: "git-sync-worker" });
const named = { serviceName: "git-sync-worker", version: "1.2.3", env: process.env, logger };
const telemetry = await startTelemetry({ ...named, secrets });
const metrics = await startMetrics(named);
metrics.add("git_sync_jobs_total", 1, { outcome: "converged" });
const target = process.argv[2] ?? "";
await trace.getTracer("test").startActiveSpan("git.sync", async (span) => {
  const response = await fetch(`${target}/x.git/info/refs?service=git-upload-pack&sig=query-canary`);
  await response.text();
  span.recordException(new Error("https://bot:userinfo-canary@h/ argument-canary"));
  span.end();
});
await (await fetch(`${target}/without-span`)).text();
process.stdout.write(`enabled ${telemetry.enabled}\n`);
await Promise.all([telemetry.shutdown(), metrics.shutdown()]);
// As the applications do: what still tries to send must not hold the process.
process.exit(0);
