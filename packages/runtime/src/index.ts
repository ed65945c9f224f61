/**
 * What every long-running process needs: configuration, secrets, logger, telemetry, connections to the queue's
 * store (Redis, PostgreSQL, an embedded PostgreSQL), ordered shutdown. Knows nothing of git; nothing runs at import.
 */

export { openConfigSource } from "./config/config-source.ts";
export type { ConfigListener, ConfigSource, ConfigSourceOptions } from "./config/config-source.ts";
export { configuredRoutes, expectsDeliveries } from "./config/configured-routes.ts";
export type { ConfiguredRoute } from "./config/configured-routes.ts";
export { credentialFits } from "./config/credential-origins.ts";
export {
  DEFAULT_FLEET_CONFIG,
  DEFAULT_ROUTE_RULES,
  EGRESS_SCHEMES,
  WEBHOOK_PROVIDERS,
} from "./config/fleet-config.ts";
export type {
  AllowedNetwork,
  BasicCredential,
  CredentialConfig,
  DeletionLimit,
  EgressConfig,
  EgressScheme,
  EndpointConfig,
  FleetConfig,
  GithubAppCredential,
  HostLimits,
  MirrorConfig,
  NotifyConfig,
  RouteRules,
  SecretReference,
  SourceConfig,
  SshCredential,
  TargetConfig,
  WebhookConfig,
  WebhookProvider,
} from "./config/fleet-config.ts";
export { loadConfig, parseConfig } from "./config/load-config.ts";
export type { LoadedConfig } from "./config/load-config.ts";
export { localUrl } from "./config/local-url.ts";
export { includedFileSchema, mirrorsFileSchema } from "./config/mirrors-schema.ts";
export { readEnvironment } from "./environment.ts";
export type { EndpointEnvironment, Environment, ListenAddress } from "./environment.ts";
export { ENVIRONMENT } from "./environment-table.ts";
export type { EnvironmentVariable } from "./environment-table.ts";
export { errorCode, errorText, RUNTIME_ERROR_CODES, RuntimeError } from "./errors.ts";
export type { RuntimeErrorCode, RuntimeErrorDetails } from "./errors.ts";
export { createLogger, createSilentLogger, LOG_FORMATS, LOG_LEVELS } from "./logger.ts";
export type { LogFormat, Logger, LoggerOptions, LogLevel } from "./logger.ts";
export { METRICS, type MetricFacts, type MetricName } from "./metrics/metric-table.ts";
export {
  METRICS_MEDIA_TYPE,
  NO_METRICS,
  type CounterName,
  type FleetFigures,
  type GaugeName,
  type GaugeValue,
  type HistogramName,
  type LabelsOf,
  type Metrics,
} from "./metrics/metrics.ts";
export { startMetrics, type MetricsOptions } from "./metrics/start-metrics.ts";
export { openQueueStore } from "./open-queue-store.ts";
export type {
  OpenQueueStoreOptions,
  PostgresQueueStore,
  QueueStore,
  RedisQueueStore,
} from "./queue-store.ts";
export { createQueueTelemetry } from "./queue-telemetry.ts";
export { parseQueueUrl, printQueueUrl } from "./queue-url.ts";
export type { QueueUrl } from "./queue-url.ts";
export { RotatingSecrets } from "./rotating-secrets.ts";
export { SecretReader } from "./secret-reader.ts";
export type { SecretReaderOptions } from "./secret-reader.ts";
export { scrubUserinfo, SecretRegistry } from "./secret-registry.ts";
export { Secret } from "./secret.ts";
export { createShutdown } from "./shutdown.ts";
export { throughOutage } from "./through-outage.ts";
export type { OutageOptions } from "./through-outage.ts";
export type { Shutdown, ShutdownOptions } from "./shutdown.ts";
export { storableText, wholeMs } from "./storable.ts";
export { isTracingRequested, startTelemetry } from "./telemetry.ts";
export type { Telemetry, TelemetryOptions } from "./telemetry.ts";
