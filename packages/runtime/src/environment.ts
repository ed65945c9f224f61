/** The environment, read once and whole: every fault is reported at the same time. */

import { RuntimeError } from "./errors.ts";
import { LOG_FORMATS, LOG_LEVELS } from "./logger.ts";
import type { LogFormat, LogLevel } from "./logger.ts";
import { Secret } from "./secret.ts";

const PROTOCOLS = ["auto", "v1", "v2"] as const;

/** Where a server listens. `host` is a literal address, a name, or `""` for every address. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Access to one side of a sync that is run now; never read by worker and gateway. */
export interface EndpointEnvironment {
  readonly token: Secret | undefined;
  readonly username: string | undefined;
  readonly bearerToken: Secret | undefined;
  readonly insecureSkipTlsVerify: boolean;
  readonly followInfoRefsRedirect: boolean;
}

export interface Environment {
  /** As given: a flag may win, so it is parsed where it is used, with `parseQueueUrl`. */
  readonly queueUrl: string | undefined;
  readonly configFile: string | undefined;
  readonly listen: ListenAddress;
  readonly apiToken: Secret | undefined;
  readonly workerConcurrency: number;
  /** `undefined` when it is off. */
  readonly workerListen: ListenAddress | undefined;
  readonly spoolDirectory: string | undefined;
  readonly spoolBytes: number | undefined;
  readonly logLevel: LogLevel;
  /** `undefined` when nobody asked: JSON, or pretty on a terminal. */
  readonly logFormat: LogFormat | undefined;
  readonly runNow: {
    readonly source: EndpointEnvironment;
    readonly target: EndpointEnvironment;
    readonly protocol: (typeof PROTOCOLS)[number];
  };
}

/**
 * Read every variable of `ENVIRONMENT` that is ours. An empty value counts as unset.
 *
 * @throws {RuntimeError} `ENVIRONMENT_INVALID`, whose message and `details.faults` name every variable that cannot be
 * used and what it takes; values of secrets are in neither.
 */
export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  const reader = new EnvironmentReader(env);
  const environment: Environment = {
    queueUrl: reader.text("GITSYNC_QUEUE_URL"),
    configFile: reader.text("GITSYNC_CONFIG"),
    listen: reader.address("GITSYNC_LISTEN") ?? { host: "127.0.0.1", port: 8080 },
    apiToken: reader.secret("GITSYNC_API_TOKEN"),
    workerConcurrency: reader.integer("GITSYNC_WORKER_CONCURRENCY", 1, 1_000) ?? 8,
    workerListen: reader.address("GITSYNC_WORKER_LISTEN", "off"),
    spoolDirectory: reader.text("GITSYNC_SPOOL_DIR"),
    spoolBytes: reader.bytes("GITSYNC_SPOOL_BYTES"),
    logLevel: reader.choice("LOG_LEVEL", LOG_LEVELS) ?? "info",
    logFormat: reader.choice("LOG_FORMAT", LOG_FORMATS),
    runNow: {
      source: readEndpoint(reader, "SOURCE"),
      target: readEndpoint(reader, "TARGET"),
      protocol: reader.choice("GITSYNC_PROTOCOL", PROTOCOLS) ?? "auto",
    },
  };
  reader.throwFaults();
  return environment;
}

function readEndpoint(reader: EnvironmentReader, role: "SOURCE" | "TARGET"): EndpointEnvironment {
  return {
    token: reader.secret(`GITSYNC_${role}_TOKEN`),
    username: reader.text(`GITSYNC_${role}_USERNAME`),
    bearerToken: reader.secret(`GITSYNC_${role}_BEARER_TOKEN`),
    insecureSkipTlsVerify: reader.boolean(`GITSYNC_${role}_INSECURE_SKIP_TLS_VERIFY`),
    followInfoRefsRedirect: reader.boolean(`GITSYNC_${role}_FOLLOW_INFO_REFS_REDIRECT`),
  };
}

class EnvironmentReader {
  readonly #env: NodeJS.ProcessEnv;
  readonly #faults: string[] = [];

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  text(name: string): string | undefined {
    const value = this.#env[name]?.trim() ?? "";
    return value === "" ? undefined : value;
  }

  secret(name: string): Secret | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    // A line end inside a credential would end the header or the helper line that carries it.
    if (/\p{Cc}/u.test(value)) {
      this.#fault(name, "has a control character in it; give the bare token, on one line");
      return undefined;
    }
    return new Secret(value);
  }

  integer(name: string, min: number, max: number): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    this.#fault(name, `is not a whole number from ${min} to ${max}`);
    return undefined;
  }

  /** In powers of 1,024, as in git's configuration. */
  bytes(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const [, figure = "", unit = ""] = /^(\d{1,15})([kmgt]?)$/iu.exec(value) ?? [];
    const bytes = Number(figure) * 1_024 ** ["", "k", "m", "g", "t"].indexOf(unit.toLowerCase());
    if (figure !== "" && bytes > 0 && Number.isSafeInteger(bytes)) return bytes;
    this.#fault(name, "is not a number of bytes, or one with k, m, g or t");
    return undefined;
  }

  boolean(name: string): boolean {
    const value = this.text(name)?.toLowerCase();
    if (value === undefined || ["false", "0", "no", "off"].includes(value)) return false;
    if (["true", "1", "yes", "on"].includes(value)) return true;
    this.#fault(name, "is neither true nor false");
    return false;
  }

  choice<const T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const chosen = choices.find((choice) => choice === value.toLowerCase());
    if (chosen === undefined) this.#fault(name, `is not one of ${choices.join(", ")}`);
    return chosen;
  }

  /** `HOST:PORT`, `[IPV6]:PORT`, `:PORT` for every address, or the word that means none. */
  address(name: string, none?: string): ListenAddress | undefined {
    const value = this.text(name);
    if (value === undefined || value === none) return undefined;
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@]*)):(\d{1,5})$/.exec(value);
    const port = Number(match?.[3] ?? Number.NaN);
    if (match !== null && port <= 65_535) return { host: match[1] ?? match[2] ?? "", port };
    const or = none === undefined ? "" : ` or ${none}`;
    this.#fault(name, `is not an address like 127.0.0.1:8080, [::1]:8080${or}`);
    return undefined;
  }

  throwFaults(): void {
    if (this.#faults.length === 0) return;
    throw new RuntimeError(
      "ENVIRONMENT_INVALID",
      `The environment cannot be used:\n${this.#faults.map((fault) => `  ${fault}`).join("\n")}`,
      { faults: this.#faults },
    );
  }

  #fault(name: string, what: string): void {
    this.#faults.push(`${name} ${what}`);
  }
}
