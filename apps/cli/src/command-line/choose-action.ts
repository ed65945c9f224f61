/** The first word after a command that has several actions. */

import { CliError } from "../cli-error.ts";
import { closestName } from "./closest-name.ts";
import type { CommandContext } from "./command.ts";

/**
 * The action that was typed; the first one when none was.
 *
 * @throws {CliError} `USAGE`, with the nearest name.
 */
export function chooseAction<const T extends string>(
  { positionals, command }: CommandContext,
  actions: readonly [T, ...T[]],
): T {
  const typed = positionals["action"] ?? actions[0];
  const action = actions.find((known) => known === typed);
  if (action !== undefined) return action;
  const near = closestName(typed, actions);
  const meant = near === undefined ? "" : `; did you mean ${near}?`;
  throw new CliError("USAGE", `unknown action ${JSON.stringify(typed)}${meant}`, { command: command.name });
}
