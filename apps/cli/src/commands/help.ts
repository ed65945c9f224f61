/** `git-sync help COMMAND`. */

import { CliError } from "../cli-error.ts";
import { closestName } from "../command-line/closest-name.ts";
import type { CommandContext } from "../command-line/command.ts";
import { COMMANDS, findCommand } from "../command-line/commands.ts";
import { commandHelp, overviewHelp } from "../command-line/help.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";

export async function runHelp({ terminal, positionals }: CommandContext): Promise<ExitStatus> {
  const name = positionals["command"];
  const command = name === undefined ? undefined : findCommand(name);
  if (name !== undefined && command === undefined) throw unknownCommand(name);
  terminal.result(command === undefined ? overviewHelp(COMMANDS) : commandHelp(command));
  return EXIT.ok;
}

export function unknownCommand(name: string): CliError {
  const near = closestName(
    name,
    COMMANDS.map((command) => command.name),
  );
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  return new CliError("USAGE", `unknown command ${JSON.stringify(name)}${hint}`, {
    remedy: "see the commands with git-sync --help",
  });
}
