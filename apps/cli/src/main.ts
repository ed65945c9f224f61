/** The command line's entry: finds the command, runs it, turns every outcome into output and an exit status. */

import { CliError } from "./cli-error.ts";
import type { Command, CommandContext } from "./command-line/command.ts";
import { COMMANDS, findCommand } from "./command-line/commands.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { watchSignals, type Interruption } from "./interruption.ts";
import { createTerminal, type OutputStream, type Terminal } from "./output/terminal.ts";

/** What the command line needs of its process. */
export interface CliProcess {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  cwd(): string;
  exit(status: number): void;
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  on(event: "uncaughtException", listener: (error: unknown) => void): unknown;
}

/** Run the command line of `cli` to its end, and end the process with its status. */
export async function main(cli: CliProcess): Promise<void> {
  const terminal = createTerminal(cli.stdout, cli.stderr);
  const { promise: crashed, reject } = Promise.withResolvers<never>();
  crashed.catch(() => undefined);
  cli.on("uncaughtException", reject);
  const status = await runCommandLine(cli, terminal, crashed);
  const lost = await terminal.flush();
  if (lost !== undefined) {
    terminal.note(`error: Cannot write the result to standard output: ${lost.message} [OUTPUT_LOST]\n`);
    await terminal.flush();
  }
  // Whatever a library still holds open (a pool, a timer) is no reason to keep the shell waiting.
  cli.exit(lost !== undefined && status === EXIT.ok ? EXIT.failed : status);
}

/** `crashed` rejects with what was thrown where nobody waits for it: that is reported like any other failure. */
async function runCommandLine(
  cli: CliProcess,
  terminal: Terminal,
  crashed: Promise<never>,
): Promise<ExitStatus> {
  const [name, ...args] = cli.argv.slice(2);
  // Read from the raw words, so that a usage error in `--json` mode is a document too.
  const json = beforeTerminator(args).includes("--json");
  const verbose = beforeTerminator(args).some((word) => word === "-v" || word === "--verbose");
  const interruption = watchSignals(cli);
  interruption.signal.addEventListener("abort", () => {
    if (terminal.interactive) terminal.note("stopping; Ctrl-C again to leave at once\n");
  });
  try {
    return await Promise.race([dispatch(cli, terminal, interruption, name, args), crashed]);
  } catch (error) {
    const { reportError } = await import("./output/report.ts");
    const status = reportError(terminal, error, { json, verbose, stats: false });
    if (error instanceof CliError && error.code === "USAGE") await printUsage(terminal, error.command);
    if (cli.env["LOG_LEVEL"] === "debug" && error instanceof Error) terminal.note(`${error.stack ?? ""}\n`);
    return interruption.signal.aborted ? EXIT.interrupted : status;
  }
}

async function dispatch(
  cli: CliProcess,
  terminal: Terminal,
  { signal, takeHangup }: Interruption,
  name: string | undefined,
  args: readonly string[],
): Promise<ExitStatus> {
  if (name === undefined || name === "--help" || name === "-h") {
    const { overviewHelp } = await import("./command-line/help.ts");
    const print = name === undefined ? terminal.note : terminal.result;
    print(overviewHelp(COMMANDS));
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  if (name === "--version" || name === "-V") {
    const { printVersion } = await import("./commands/version.ts");
    printVersion(terminal);
    return EXIT.ok;
  }
  const command = findCommand(name);
  if (command === undefined) {
    const { unknownCommand } = await import("./commands/help.ts");
    throw unknownCommand(name);
  }
  return runCommand(command, args, { env: cli.env, cwd: cli.cwd(), terminal, signal, takeHangup });
}

async function runCommand(
  command: Command,
  args: readonly string[],
  world: Pick<CommandContext, "env" | "cwd" | "terminal" | "signal" | "takeHangup">,
): Promise<ExitStatus> {
  const { parseArguments } = await import("./command-line/parse-arguments.ts");
  const invocation = parseArguments(command, args);
  if (invocation.flags.help) {
    const { commandHelp } = await import("./command-line/help.ts");
    world.terminal.result(commandHelp(command));
    return EXIT.ok;
  }
  const run = await command.load();
  return run({ ...world, ...invocation, command });
}

async function printUsage(terminal: Terminal, commandName: string | undefined): Promise<void> {
  const command = commandName === undefined ? undefined : findCommand(commandName);
  if (command === undefined) return;
  const { usageLine } = await import("./command-line/help.ts");
  terminal.note(`\n${usageLine(command)}\nAll of its flags: git-sync help ${command.name}\n`);
}

function beforeTerminator(args: readonly string[]): readonly string[] {
  const end = args.indexOf("--");
  return end === -1 ? args : args.slice(0, end);
}
