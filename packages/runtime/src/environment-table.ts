/** Every environment variable that git-sync reads, for the documentation and for the reader. */

export interface EnvironmentVariable {
  readonly name: string;
  /** The value it has when unset or empty, as text for people. */
  readonly default: string;
  readonly meaning: string;
  /** The value is, or may hold, a credential. */
  readonly secret: boolean;
  /**
   * `run-now` is read by `sync`, `replicate`, `plan`, `probe`, `fetch`, `bootstrap` and `mirror` only. `standard` is
   * somebody else's name, which means here what it means everywhere.
   */
  readonly scope: "every-process" | "run-now" | "standard";
}

/** In the order of the documentation. OpenTelemetry's SDK reads further `OTEL_*` variables by itself. */
export const ENVIRONMENT: readonly EnvironmentVariable[] = Object.freeze([
  {
    name: "GITSYNC_QUEUE_URL",
    default: "embedded:",
    meaning: "where the queue lives: `embedded:[DIR]`, `redis://…`, `rediss://…` or `postgres://…`",
    secret: true,
    scope: "every-process",
  },
  {
    name: "GITSYNC_CONFIG",
    default: "none",
    meaning: "path of the mirrors file",
    secret: false,
    scope: "every-process",
  },
  {
    name: "GITSYNC_LISTEN",
    default: "127.0.0.1:8080",
    meaning: "address and port of the gateway",
    secret: false,
    scope: "every-process",
  },
  {
    name: "GITSYNC_API_TOKEN",
    default: "none",
    meaning: "token of the API; without it the gateway listens on loopback only",
    secret: true,
    scope: "every-process",
  },
  {
    name: "GITSYNC_WORKER_CONCURRENCY",
    default: "8",
    meaning: "how many syncs one worker runs at once, 1 to 1000",
    secret: false,
    scope: "every-process",
  },
  {
    name: "GITSYNC_WORKER_LISTEN",
    default: "off",
    meaning: "address and port of a worker's health and metrics, or `off`",
    secret: false,
    scope: "every-process",
  },
  {
    name: "GITSYNC_SPOOL_DIR",
    default: "the system's temporary directory",
    meaning: "where packs go that are too big for memory",
    secret: false,
    scope: "every-process",
  },
  {
    name: "GITSYNC_SPOOL_BYTES",
    default: "4g",
    meaning: "how much may lie there at a time, in bytes or with `k`, `m`, `g` or `t`",
    secret: false,
    scope: "every-process",
  },
  {
    name: "LOG_LEVEL",
    default: "info",
    meaning: "`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`",
    secret: false,
    scope: "every-process",
  },
  {
    name: "LOG_FORMAT",
    default: "json, on a terminal pretty",
    meaning: "`json` or `pretty`",
    secret: false,
    scope: "every-process",
  },
  ...endpointVariables("SOURCE"),
  ...endpointVariables("TARGET"),
  {
    name: "GITSYNC_PROTOCOL",
    default: "auto",
    meaning: "git protocol towards the source: `auto`, `v1` or `v2`",
    secret: false,
    scope: "run-now",
  },
  standard(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "none: nothing is sent",
    "OTLP/HTTP endpoint; traces go to its `/v1/traces`, metrics to its `/v1/metrics`",
  ),
  standard("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "the one above", "where traces go, and nothing else"),
  standard("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "the first one", "where metrics go, and nothing else"),
  standard("OTEL_TRACES_EXPORTER", "otlp", "`none` sends no traces"),
  standard("OTEL_METRICS_EXPORTER", "otlp", "`none` sends no metrics"),
  standard("OTEL_SDK_DISABLED", "false", "`true` sends neither"),
  standard(
    "OTEL_SERVICE_NAME",
    "`git-sync-gateway`, `git-sync-worker` or `git-sync`",
    "what the process is called in traces and metrics",
  ),
  standard(
    "XDG_STATE_HOME",
    "~/.local/state",
    "folder of the embedded queue's data, for everybody but root; a relative path is ignored",
  ),
  standard("HOME", "the user's home", "where `~` is above"),
]);

function standard(name: string, otherwise: string, meaning: string): EnvironmentVariable {
  return { name, default: otherwise, meaning, secret: false, scope: "standard" };
}

function endpointVariables(role: "SOURCE" | "TARGET"): readonly EnvironmentVariable[] {
  const of = role.toLowerCase();
  const scope = "run-now";
  return [
    {
      name: `GITSYNC_${role}_TOKEN`,
      default: "none",
      meaning: `password or token of the ${of}`,
      secret: true,
      scope,
    },
    {
      name: `GITSYNC_${role}_USERNAME`,
      default: "what the host expects beside a token",
      meaning: `user name of the ${of}`,
      secret: false,
      scope,
    },
    {
      name: `GITSYNC_${role}_BEARER_TOKEN`,
      default: "none",
      meaning: `token sent to the ${of} as \`Authorization: Bearer\``,
      secret: true,
      scope,
    },
    {
      name: `GITSYNC_${role}_INSECURE_SKIP_TLS_VERIFY`,
      default: "false",
      meaning: `accept any certificate of the ${of}`,
      secret: false,
      scope,
    },
    {
      name: `GITSYNC_${role}_FOLLOW_INFO_REFS_REDIRECT`,
      default: "false",
      meaning: `use the address that the ${of} redirects its first request to for the later ones too`,
      secret: false,
      scope,
    },
  ];
}
