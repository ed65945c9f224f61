import { expect, test } from "vitest";
import * as api from "./index.ts";

test("@gitsync/runtime exports these names and no others", () => {
  expect(Object.keys(api).toSorted()).toMatchInlineSnapshot(`
    [
      "DEFAULT_FLEET_CONFIG",
      "DEFAULT_ROUTE_RULES",
      "EGRESS_SCHEMES",
      "ENVIRONMENT",
      "LOG_FORMATS",
      "LOG_LEVELS",
      "METRICS",
      "METRICS_MEDIA_TYPE",
      "NO_METRICS",
      "RUNTIME_ERROR_CODES",
      "RotatingSecrets",
      "RuntimeError",
      "Secret",
      "SecretReader",
      "SecretRegistry",
      "WEBHOOK_PROVIDERS",
      "configuredRoutes",
      "createLogger",
      "createQueueTelemetry",
      "createShutdown",
      "createSilentLogger",
      "credentialFits",
      "errorCode",
      "errorText",
      "expectsDeliveries",
      "includedFileSchema",
      "isTracingRequested",
      "loadConfig",
      "localUrl",
      "mirrorsFileSchema",
      "openConfigSource",
      "openQueueStore",
      "parseConfig",
      "parseQueueUrl",
      "printQueueUrl",
      "readEnvironment",
      "scrubUserinfo",
      "startMetrics",
      "startTelemetry",
      "storableText",
      "throughOutage",
      "wholeMs",
    ]
  `);
});

test("RuntimeError says whether trying again can help", () => {
  const again = api.RUNTIME_ERROR_CODES.filter((code) => new api.RuntimeError(code, "x").retryable);
  expect(again).toEqual(["QUEUE_UNAVAILABLE", "EMBEDDED_START_FAILED", "SECRET_UNREADABLE"]);
});
