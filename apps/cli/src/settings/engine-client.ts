/** The engine, as the command line uses it and as a fleet uses it. */

import { createClient, type Client, type EgressPolicy } from "@gitsync/engine";
import type { EgressConfig } from "@gitsync/runtime";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command-line/command.ts";
import { VERSION } from "../version.ts";
import { credentialsOf } from "./credentials.ts";
import type { Settings } from "./settings.ts";

const USER_AGENT = `git-sync/${VERSION}`;

/**
 * For a person at a terminal: any address that was typed may be reached.
 *
 * @throws {CliError} `USAGE` for a limit that is no number.
 */
export function createCommandLineClient({ flags, env, command }: CommandContext, settings: Settings): Client {
  const maxPackBytes = flags["max-pack-bytes"];
  return createClient({
    egress: { addresses: "any" },
    auth: credentialsOf(flags, settings.environment, settings.secrets),
    userAgent: USER_AGENT,
    limits: maxPackBytes === undefined ? {} : { maxPackBytes: parseBytes(maxPackBytes, command.name) },
    childEnvironment: childEnvironmentOf(env),
  });
}

/** For jobs that others asked for: public addresses, and what the configuration allows besides. */
export function createFleetClient(egress: EgressConfig, env: NodeJS.ProcessEnv): Client {
  return createClient({
    egress: egressPolicyOf(egress),
    userAgent: USER_AGENT,
    childEnvironment: childEnvironmentOf(env),
  });
}

/** Local paths need a folder that names them: without one the scheme `file` opens nothing. */
export function egressPolicyOf({ allow, schemes, paths }: EgressConfig): EgressPolicy {
  const remote = schemes.filter((scheme) => scheme !== "file");
  return {
    addresses: "public",
    allow: allow.map(({ cidr, ports }) => (ports === undefined ? { cidr } : { cidr, ports })),
    schemes: paths.length === 0 ? remote : [...remote, "file"],
    paths,
  };
}

/** What git's own processes see of the user's environment: never our settings, which may hold tokens. */
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

function childEnvironmentOf(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const present: Record<string, string> = {};
  for (const name of CHILD_VARIABLES) {
    const value = env[name];
    if (value !== undefined) present[name] = value;
  }
  return present;
}

/** `1048576`, `64m`, `2g`: powers of 1,024, as in git's configuration. */
function parseBytes(text: string, command: string): number {
  const parsed = /^(\d{1,15})([kmg]?)$/iu.exec(text);
  const factor = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[parsed?.[2]?.toLowerCase() ?? ""] ?? 1;
  const bytes = Number(parsed?.[1]) * factor;
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  const message = "flag --max-pack-bytes needs a number of bytes, or one with k, m or g";
  throw new CliError("USAGE", message, { command });
}
