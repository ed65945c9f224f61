/** The engine, as the command line uses it and as a fleet uses it. */

import { readFileSync } from "node:fs";
import {
  createClient,
  type Client,
  type ClientOptions,
  type EgressPolicy,
  type Limits,
} from "@gitsync/engine";
import { createUnstableClient, type UnstableClient } from "@gitsync/engine/unstable";
import { RuntimeError, type EgressConfig, type Environment } from "@gitsync/runtime";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command-line/command.ts";
import { credentialsOf } from "./credentials.ts";
import { gitCredential } from "./git-credential.ts";
import type { Settings } from "./settings.ts";
import { StoredCredentials } from "./stored-credentials.ts";

/**
 * For a person at a terminal: any address that was typed may be reached, as git would reach it: over ssh with the
 * user's own configuration, keys and known hosts, and through remote helpers.
 *
 * @throws {CliError} `USAGE` for a limit that is no number.
 */
export function createCommandLineClient(context: CommandContext, settings: Settings): UnstableClient {
  const { flags, env, terminal } = context;
  const git = gitCredential({
    environment: childEnvironmentOf(env, HELPER_VARIABLES),
    interactive: terminal.interactive,
  });
  return createUnstableClient({
    egress: { addresses: "any", helpers: "any" },
    ssh: "user",
    auth: new StoredCredentials(
      credentialsOf(flags, settings.environment, settings.secrets),
      git,
      settings.secrets,
    ),
    limits: limitsOf(context),
    ...(flags["bootstrap-strategy"] === "topo" ? { bootstrapStrategy: "topo" as const } : {}),
    childEnvironment: childEnvironmentOf(env, CHILD_VARIABLES),
    helperEnvironment: childEnvironmentOf(env, HELPER_VARIABLES),
    ...spoolOf(settings.environment),
  });
}

/**
 * For jobs that others asked for: public addresses, and what the configuration allows besides.
 *
 * @throws {RuntimeError} `CONFIG_INVALID` for authorities that cannot be read.
 */
export function createFleetClient(
  egress: EgressConfig,
  env: NodeJS.ProcessEnv,
  spool: SpoolSettings,
): Client {
  return createClient({
    egress: egressPolicyOf(egress),
    childEnvironment: childEnvironmentOf(env, CHILD_VARIABLES),
    ...spoolOf(spool),
  });
}

/** Where packs go that have to be whole, and how much may lie there. */
export type SpoolSettings = Pick<Environment, "spoolDirectory" | "spoolBytes">;

function spoolOf({ spoolDirectory, spoolBytes }: SpoolSettings): Pick<ClientOptions, "spool"> {
  return {
    spool: {
      ...(spoolDirectory === undefined ? {} : { directory: spoolDirectory }),
      ...(spoolBytes === undefined ? {} : { maxBytes: spoolBytes }),
    },
  };
}

/** Local paths need a folder that names them: without one the scheme `file` opens nothing. */
export function egressPolicyOf({ allow, schemes, paths, proxy, caFile }: EgressConfig): EgressPolicy {
  const remote = schemes.filter((scheme) => scheme !== "file");
  return {
    addresses: "public",
    allow: allow.map(({ cidr, ports }) => (ports === undefined ? { cidr } : { cidr, ports })),
    schemes: paths.length === 0 ? remote : [...remote, "file"],
    paths,
    ...(proxy === null ? {} : { proxy: { url: proxy } }),
    ...(caFile === null ? {} : { ca: authoritiesOf(caFile) }),
  };
}

/** Read at the start, so that a file that is missing fails the start and not the first run. */
function authoritiesOf(path: string): string {
  const fault = (what: string): RuntimeError =>
    new RuntimeError("CONFIG_INVALID", `Cannot use the configuration: egress.caFile ${what}: ${path}`, {
      path,
    });
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw fault("cannot be read");
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw fault("holds no PEM certificate");
}

/** What git and ssh see of the user's environment: never our settings, which may hold tokens. */
const CHILD_VARIABLES = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "TMPDIR",
  "XDG_CONFIG_HOME",
  "SSH_AUTH_SOCK",
  "GIT_CONFIG_GLOBAL",
  "GIT_CONFIG_NOSYSTEM",
  "GIT_CONFIG_SYSTEM",
] as const;

/** What a helper of the user's, for remotes or for credentials, may need besides to work as it does in git's hands. */
const HELPER_VARIABLES = [
  ...CHILD_VARIABLES,
  "LANG",
  "TERM",
  "DISPLAY",
  "WAYLAND_DISPLAY",
  "DBUS_SESSION_BUS_ADDRESS",
  "GIT_ASKPASS",
  "SSH_ASKPASS",
  "XDG_CACHE_HOME",
  "XDG_DATA_HOME",
  "XDG_RUNTIME_DIR",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "all_proxy",
  "no_proxy",
] as const;

/** For git where it is run by the command line itself. */
export function gitEnvironmentOf(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  return childEnvironmentOf(env, CHILD_VARIABLES);
}

function childEnvironmentOf(
  env: NodeJS.ProcessEnv,
  names: readonly string[],
): Readonly<Record<string, string>> {
  const present: Record<string, string> = {};
  for (const name of names) {
    const value = env[name];
    if (value !== undefined) present[name] = value;
  }
  return present;
}

function limitsOf({ flags, command }: CommandContext): Limits {
  const bytes = (flag: "max-pack-bytes" | "target-max-pack-bytes"): number | undefined => {
    const text = flags[flag];
    return text === undefined ? undefined : parseBytes(text, flag, command.name);
  };
  const [maxPackBytes, targetMaxPackBytes] = [bytes("max-pack-bytes"), bytes("target-max-pack-bytes")];
  const updates = flags["target-max-ref-updates"];
  return {
    ...(maxPackBytes !== undefined && { maxPackBytes }),
    ...(targetMaxPackBytes !== undefined && { targetMaxPackBytes }),
    ...(updates !== undefined && { maxRefUpdates: parseCount(updates, command.name) }),
  };
}

/** `1048576`, `64m`, `2g`: powers of 1,024, as in git's configuration. */
function parseBytes(text: string, flag: string, command: string): number {
  const parsed = /^(\d{1,15})([kmg]?)$/iu.exec(text);
  const factor = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[parsed?.[2]?.toLowerCase() ?? ""] ?? 1;
  const bytes = Number(parsed?.[1]) * factor;
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new CliError("USAGE", `flag --${flag} needs a number of bytes, or one with k, m or g`, { command });
}

function parseCount(text: string, command: string): number {
  const count = /^\d{1,9}$/u.test(text) ? Number(text) : 0;
  if (count > 0) return count;
  throw new CliError("USAGE", "flag --target-max-ref-updates needs a number from 1 up", { command });
}
