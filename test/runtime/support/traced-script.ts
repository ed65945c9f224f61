/** A process that makes one request on behalf of a span, one without, and sends its trace away. */

import { trace } from "@opentelemetry/api";
import { SecretRegistry, startTelemetry } from "@gitsync/runtime";

const secrets = new SecretRegistry();
secrets.add("argument-canary");
const telemetry = await startTelemetry({
  serviceName: "git-sync-worker",
  version: "1.2.3",
  env: process.env,
  secrets,
});
const target = process.argv[2] ?? "";
await trace.getTracer("test").startActiveSpan("git.sync", async (span) => {
  const response = await fetch(`${target}/x.git/info/refs?service=git-upload-pack&sig=query-canary`);
  await response.text();
  span.recordException(new Error("https://bot:userinfo-canary@h/ argument-canary"));
  span.end();
});
await (await fetch(`${target}/without-span`)).text();
process.stdout.write(`enabled ${telemetry.enabled}\n`);
await telemetry.shutdown();
// As the applications do: what still tries to send must not hold the process.
process.exit(0);
