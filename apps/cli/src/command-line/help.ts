/** Turns the description of the commands and flags into the text of `--help`. */

import type { Command } from "./command.ts";
import { flagOf, type FlagName } from "./flags.ts";

const WIDTH = 100;
const DESCRIPTION_COLUMN = 36;

/** The list of commands. */
export function overviewHelp(commands: readonly Command[]): string {
  const column = Math.max(...commands.map((command) => command.name.length)) + 4;
  return [
    "git-sync keeps git repositories on other hosts equal to their source, without cloning them.",
    "",
    "Usage: git-sync <command> [flags] [<source> [<target>]]",
    "",
    "Commands:",
    ...commands.map((command) => `  ${command.name.padEnd(column - 2)}${command.summary}`),
    "",
    "Flags:",
    "  --help      help of a command: git-sync help COMMAND says the same",
    "  --version   version of git-sync and of what runs it",
    "",
    "Exit status: 0 converged · 1 failed or unknown · 2 bad usage or configuration",
    "             3 refs were blocked or refused · 130 interrupted",
    "",
  ].join("\n");
}

/** Everything about one command. */
export function commandHelp(command: Command): string {
  const examples = command.examples.flatMap((example) => [`  ${example}`]);
  return [
    command.summary,
    ...command.details,
    "",
    usageLine(command),
    ...section(
      "Arguments:",
      command.positionals.map((slot) => row(`  <${slot.name}>`, slot.description)),
    ),
    ...section("Flags:", [...command.flags, "help" as const].map(flagRow)),
    ...section("Examples:", examples),
    "",
  ].join("\n");
}

/** `Usage: git-sync sync [flags] <source> <target>` */
export function usageLine(command: Command): string {
  const slots = command.positionals.map((slot) => (slot.required ? `<${slot.name}>` : `[<${slot.name}>]`));
  return ["Usage: git-sync", command.name, "[flags]", ...slots].join(" ");
}

function section(title: string, rows: readonly string[]): readonly string[] {
  return rows.length === 0 ? [] : ["", title, ...rows];
}

function flagRow(name: FlagName): string {
  const flag = flagOf(name);
  const label = `  ${flag.short === undefined ? "" : `-${flag.short}, `}--${name}${flag.value === "" ? "" : ` ${flag.value}`}`;
  return row(label, flag.env === undefined ? flag.description : `${flag.description} [$${flag.env}]`);
}

/** A label and its wrapped description; a label that is too long gets a line of its own. */
function row(label: string, description: string): string {
  const indent = " ".repeat(DESCRIPTION_COLUMN);
  const lines = wrap(description, WIDTH - DESCRIPTION_COLUMN);
  if (label.length + 2 > DESCRIPTION_COLUMN) return [label, ...lines.map((line) => indent + line)].join("\n");
  return lines
    .map((line, index) => (index === 0 ? label.padEnd(DESCRIPTION_COLUMN) : indent) + line)
    .join("\n");
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
