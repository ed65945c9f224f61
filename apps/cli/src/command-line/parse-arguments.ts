/**
 * Reads the arguments of one command, and says precisely what is wrong with them.
 *
 * `node:util` cuts the words; the messages are ours, because a mistyped flag deserves the right one and because
 * the value of a flag may be a secret that no message may repeat.
 */

import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { CliError } from "../cli-error.ts";
import type { Command, Invocation } from "./command.ts";
import { closestName } from "./closest-name.ts";
import { flagOf, type FlagName, type FlagValues } from "./flags.ts";

/** @throws {CliError} `USAGE` with the name of the command. */
export function parseArguments(command: Command, args: readonly string[]): Invocation {
  const known = new Set<FlagName>([...command.flags, "help"]);
  const values: Partial<Record<FlagName, true | string | readonly string[]>> = {};
  const words: string[] = [];
  const usage = (message: string): CliError => new CliError("USAGE", message, { command: command.name });

  for (const token of parseArgs({ args: [...args], options: optionsOf(known), strict: false, tokens: true })
    .tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const name = [...known].find((flag) => flag === token.name);
    if (name === undefined) throw usage(unknownFlag(token.rawName, token.name, known));
    values[name] = flagValue(
      name,
      token.rawName,
      token.value,
      token.inlineValue === true,
      values[name],
      usage,
    );
  }
  const flags = values as FlagValues;
  return { flags, positionals: fillPositionals(command, flags, words, usage) };
}

function optionsOf(known: ReadonlySet<FlagName>): ParseArgsOptionsConfig {
  const options: ParseArgsOptionsConfig = {};
  for (const name of known) {
    const flag = flagOf(name);
    options[name] = {
      type: flag.kind === "switch" ? "boolean" : "string",
      ...(flag.short === undefined ? {} : { short: flag.short }),
    };
  }
  return options;
}

function unknownFlag(typed: string, name: string, known: ReadonlySet<FlagName>): string {
  const near = closestName(name, known);
  return `unknown flag ${typed}${near === undefined ? "" : `; did you mean --${near}?`}`;
}

function flagValue(
  name: FlagName,
  typed: string,
  value: string | undefined,
  inline: boolean,
  earlier: true | string | readonly string[] | undefined,
  usage: (message: string) => CliError,
): true | string | readonly string[] {
  const flag = flagOf(name);
  if (flag.kind === "switch") {
    if (value !== undefined) throw usage(`flag ${typed} takes no value`);
    return true;
  }
  if (value === undefined || value === "") throw usage(`flag ${typed} needs a value: ${flag.value}`);
  if (!inline && value.startsWith("-") && value !== "-") {
    throw usage(
      `flag ${typed} needs a value: ${flag.value}; one that begins with - is given as ${typed}=VALUE`,
    );
  }
  if (flag.kind === "list") return [...(Array.isArray(earlier) ? earlier : []), value];
  if (earlier !== undefined) throw usage(`flag ${typed} was given twice`);
  if (flag.kind === "choice" && !flag.choices?.includes(value)) {
    throw usage(`flag ${typed} must be one of ${flag.choices?.join(", ") ?? ""}`);
  }
  return value;
}

function fillPositionals(
  command: Command,
  flags: FlagValues,
  words: readonly string[],
  usage: (message: string) => CliError,
): Readonly<Record<string, string | undefined>> {
  const filled: Record<string, string | undefined> = {};
  const left = [...words];
  for (const slot of command.positionals) {
    const given = slot.flag === undefined ? undefined : flags[slot.flag];
    filled[slot.name] = typeof given === "string" ? given : left.shift();
  }
  const extra = left[0];
  if (extra !== undefined) {
    const slots = command.positionals.map((slot) => slot.name).join(" and ");
    throw usage(
      `unexpected argument ${JSON.stringify(withoutUserinfo(extra))}: ` +
        (slots === "" ? `${command.name} takes none` : `${slots} are already set`),
    );
  }
  if (flags.help) return filled;
  for (const slot of command.positionals) {
    if (slot.required && filled[slot.name] === undefined) throw usage(`${slot.name} is missing`);
  }
  return filled;
}

/** A typed address as it may be shown: without `user:password@`. */
function withoutUserinfo(word: string): string {
  return word.replace(/\/\/[^/]*@/u, "//");
}
