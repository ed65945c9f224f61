/** `@gitsync/cli`: the command line as a function of its process, and its description for docs and tests. */

export { CliError, type CliErrorCode } from "./cli-error.ts";
export type { Command, Positional } from "./command-line/command.ts";
export { COMMANDS } from "./command-line/commands.ts";
export { FLAGS, type Flag, type FlagName } from "./command-line/flags.ts";
export { commandHelp, overviewHelp } from "./command-line/help.ts";
export { EXIT, exitStatusOfCode, exitStatusOfResult, type ExitStatus } from "./exit-status.ts";
export { main, type CliProcess } from "./main.ts";
