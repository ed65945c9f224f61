/**
 * Who we are at both repositories: from flags first, then from the environment. Read after parsing, so that no help
 * text and no usage error can show a secret.
 */

import { StaticAuthProvider, type AuthProvider, type EndpointAuth } from "@gitsync/engine";
import type { Environment, SecretRegistry } from "@gitsync/runtime";
import type { FlagValues } from "../command-line/flags.ts";

/** The credentials of the command line; secrets given as flags are entered in the registry. */
export function credentialsOf(
  flags: FlagValues,
  { runNow }: Environment,
  registry: SecretRegistry,
): AuthProvider {
  const authOf = (role: "source" | "target"): EndpointAuth => {
    const username = flags[`${role}-username`] ?? runNow[role].username;
    const token = flags[`${role}-token`] ?? runNow[role].token?.expose();
    const bearerToken = flags[`${role}-bearer-token`] ?? runNow[role].bearerToken?.expose();
    const skipTlsVerify = flags[`${role}-insecure-skip-tls-verify`] ?? runNow[role].insecureSkipTlsVerify;
    if (token !== undefined) registry.add(token, username);
    if (bearerToken !== undefined) registry.add(bearerToken);
    return {
      ...(username === undefined ? {} : { username }),
      ...(token === undefined ? {} : { token }),
      ...(bearerToken === undefined ? {} : { bearerToken }),
      ...(skipTlsVerify ? { skipTlsVerify: true } : {}),
    };
  };
  return new StaticAuthProvider({ source: authOf("source"), target: authOf("target") });
}
