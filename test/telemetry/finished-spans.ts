/** Every span that a suite's process ends, as soon as it has ended. */

import { startTelemetry, type TelemetryOptions } from "@gitsync/runtime";
import { beforeAll } from "vitest";

type Exporter = NonNullable<TelemetryOptions["exporter"]>;
export type FinishedSpan = Parameters<Exporter["export"]>[0][number];

/** For the suite that calls it; the list may be emptied. */
export function finishedSpans(): FinishedSpan[] {
  const spans: FinishedSpan[] = [];
  const exporter: Exporter = {
    export: (finished, done) => {
      spans.push(...finished);
      done({ code: 0 });
    },
    shutdown: () => Promise.resolve(),
  };
  beforeAll(async () => {
    // Spans go out at once rather than in batches.
    const env = { OTEL_BSP_SCHEDULE_DELAY: "10" };
    Object.assign(process.env, env);
    const telemetry = await startTelemetry({ serviceName: "test", version: "0", env, exporter });
    return () => telemetry.shutdown();
  });
  return spans;
}
