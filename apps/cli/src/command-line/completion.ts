/**
 * Scripts that complete the command line in a shell, made from the description of the commands. They know all words
 * by themselves: pressing Tab starts no process of ours.
 */

import type { Command } from "./command.ts";
import { flagOf, type Flag, type FlagName } from "./flags.ts";

type Writer = (commands: readonly Command[]) => string;

/** By the name of the shell. */
export const COMPLETIONS: ReadonlyMap<string, Writer> = new Map([
  ["bash", bashCompletion],
  ["zsh", zshCompletion],
  ["fish", fishCompletion],
]);

interface CommandFlag {
  readonly name: FlagName;
  readonly flag: Flag;
}

function flagsOf({ flags }: Command): readonly CommandFlag[] {
  return [...flags, "help" as const].map((name) => ({ name, flag: flagOf(name) }));
}

/** What the first argument may be; nothing when it is a repository or a file. */
function choicesOf({ name, positionals }: Command, commands: readonly Command[]): readonly string[] {
  return name === "help" ? commands.map((command) => command.name) : (positionals[0]?.choices ?? []);
}

/** For bash's own `complete -F`; needs no bash-completion. */
function bashCompletion(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const flags = flagsOf(command);
    const words = flags.map(({ name }) => `--${name}`).join(" ");
    const choices = choicesOf(command, commands).join(" ");
    return `    ${command.name}) flags=${quoted(words)} choices=${quoted(choices)} ;;`;
  });
  const valued = allFlags(commands).filter(({ flag }) => flag.kind !== "switch");
  const chosen = valued.filter(({ flag }) => flag.choices !== undefined);
  const free = valued.filter(({ flag }) => flag.choices === undefined);
  return `# bash completion of git-sync
_git_sync() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  local command= flags= choices= word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
    [[ $word == -* ]] || { command=$word; break; }
  done
  if [[ -z $command ]]; then
    COMPREPLY=($(compgen -W ${quoted([...commands.map(({ name }) => name), "--help", "--version"].join(" "))} -- "$current"))
    return
  fi
  case $command in
${cases.join("\n")}
  esac
  case $previous in
${chosen.map(({ name, flag }) => `    --${name}) COMPREPLY=($(compgen -W ${quoted((flag.choices ?? []).join(" "))} -- "$current")); return ;;`).join("\n")}
    ${free.map(({ name }) => `--${name}`).join("|")}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
  elif [[ -n $choices ]]; then
    COMPREPLY=($(compgen -W "$choices" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -o filenames -F _git_sync git-sync
`;
}

/** For zsh's completion system, as a file of \`$fpath\`, or evaluated after \`compinit\`. */
function zshCompletion(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const flags = flagsOf(command).map(({ name, flag }) => `      ${quoted(zshFlag(name, flag))}`);
    const slots = command.positionals.map(({ name, required }, index) => {
      const choices = index === 0 ? choicesOf(command, commands).join(" ") : "";
      return `      ${quoted(`${required ? "" : ":"}:${name}:${choices === "" ? "_files" : `(${choices})`}`)}`;
    });
    return [`    ${command.name}) _arguments -s \\`, [...flags, ...slots].join(" \\\n"), "      ;;"].join(
      "\n",
    );
  });
  const names = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  return `#compdef git-sync
_git_sync() {
  local -a commands=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac
}
# Sourced by compinit the file is the function's body; evaluated, it registers it.
if [[ $funcstack[1] == _git-sync ]]; then
  _git_sync "$@"
else
  compdef _git_sync git-sync
fi
`;
}

function zshFlag(name: FlagName, { kind, description, value, choices }: Flag): string {
  const text = `--${name}[${escapedForZsh(description)}]`;
  if (kind === "switch") return text;
  const repeated = kind === "list" ? "*" : "";
  return `${repeated}${text}:${escapedForZsh(value)}:${choices === undefined ? "_files" : `(${choices.join(" ")})`}`;
}

function escapedForZsh(text: string): string {
  return text.replaceAll(/[\\[\]:]/gu, "\\$&");
}

function fishCompletion(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const lines = commands.flatMap((command) => {
    const inCommand = `__fish_seen_subcommand_from ${command.name}`;
    const choices = choicesOf(command, commands).join(" ");
    return [
      `complete -c git-sync -n "not __fish_seen_subcommand_from ${names}" -f -a ${command.name} -d ${fishQuoted(command.summary)}`,
      ...(choices === "" ? [] : [`complete -c git-sync -n "${inCommand}" -f -a ${fishQuoted(choices)}`]),
      ...flagsOf(command).map(
        ({ name, flag }) =>
          `complete -c git-sync -n "${inCommand}" -l ${name}${flag.short === undefined ? "" : ` -s ${flag.short}`}${fishValue(flag)} -d ${fishQuoted(flag.description)}`,
      ),
    ];
  });
  return `# fish completion of git-sync\n${lines.join("\n")}\n`;
}

function fishValue({ kind, choices }: Flag): string {
  if (kind === "switch") return "";
  return choices === undefined ? " -r" : ` -x -a ${fishQuoted(choices.join(" "))}`;
}

/** Every flag once, in the order in which commands name them. */
function allFlags(commands: readonly Command[]): readonly CommandFlag[] {
  return [...new Map(commands.flatMap(flagsOf).map((each) => [each.name, each])).values()];
}

/** A word of bash and zsh. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A word of fish, where a backslash means itself but before a quote or another one. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll(/[\\']/gu, "\\$&")}'`;
}
