/** What a command works with besides its arguments: the environment, and the secrets that must not be shown. */

import type { Environment, SecretRegistry } from "@gitsync/runtime";
import type { CommandContext } from "../command-line/command.ts";

export interface Settings {
  readonly environment: Environment;
  /** Every live secret of the command; the terminal shows nothing that is in it. */
  readonly secrets: SecretRegistry;
}

/**
 * Read the environment, once and whole.
 *
 * @throws {RuntimeError} `ENVIRONMENT_INVALID`, naming every faulty variable.
 */
export async function readSettings({ env, terminal }: CommandContext): Promise<Settings> {
  const { readEnvironment, SecretRegistry } = await import("@gitsync/runtime");
  const secrets = new SecretRegistry();
  terminal.protect((text) => secrets.scrub(text));
  const environment = readEnvironment(env);
  if (environment.apiToken !== undefined) secrets.add(environment.apiToken);
  return { environment, secrets };
}
