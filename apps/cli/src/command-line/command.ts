/** What a command is: one description, from which parsing, help and dispatch follow. */

import type { Terminal } from "../output/terminal.ts";
import type { ExitStatus } from "../exit-status.ts";
import type { FlagName, FlagValues } from "./flags.ts";

/** A positional argument. A `list` takes all that are left. */
export interface Positional {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  /** The words that may stand there; any word or file, when there are none. */
  readonly choices?: readonly string[];
  /** The flag that says the same; a positional fills the first slot whose flag was not given. */
  readonly flag?: FlagName;
}

/** A command line that was understood. */
export interface Invocation {
  readonly flags: FlagValues;
  /** By the name of the positional; also filled from its flag. */
  readonly positionals: Readonly<Record<string, string | undefined>>;
}

/** What a command may touch of the world; made once, at the edge. */
export interface CommandContext extends Invocation {
  readonly command: Command;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly terminal: Terminal;
  /** Aborts at the first SIGINT or SIGTERM. A second signal ends the process at once. */
  readonly signal: AbortSignal;
  /** Take SIGHUP, which ends a command otherwise. */
  readonly takeHangup: (listener: () => void) => void;
}

export type CommandRun = (context: CommandContext) => Promise<ExitStatus>;

export interface Command {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** Further lines of its own help. */
  readonly details: readonly string[];
  readonly positionals: readonly Positional[];
  readonly flags: readonly FlagName[];
  readonly examples: readonly string[];
  /** Imports the code of the command; help and usage errors do without it. */
  readonly load: () => Promise<CommandRun>;
}
