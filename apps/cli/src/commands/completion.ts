/** `git-sync completion SHELL`. */

import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command-line/command.ts";
import { COMMANDS } from "../command-line/commands.ts";
import { COMPLETIONS } from "../command-line/completion.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";

export async function runCompletion({ terminal, positionals, command }: CommandContext): Promise<ExitStatus> {
  const shell = positionals["shell"] ?? "";
  const write = COMPLETIONS.get(shell);
  if (write === undefined) {
    const known = [...COMPLETIONS.keys()].join(", ");
    throw new CliError("USAGE", `no completion for ${JSON.stringify(shell)}; there is one for ${known}`, {
      command: command.name,
    });
  }
  terminal.result(write(COMMANDS));
  return EXIT.ok;
}
