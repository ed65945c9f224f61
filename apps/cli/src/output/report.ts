/** Ends a command: prints its result or failure in the form that was asked for, and says the exit status. */

import type { SyncResult } from "@gitsync/engine";
import type { FlagValues } from "../command-line/flags.ts";
import { exitStatusOfCode, exitStatusOfResult, type ExitStatus } from "../exit-status.ts";
import { failureOf, type Failure } from "./failure.ts";
import { resultText } from "./result-text.ts";
import type { Terminal } from "./terminal.ts";

export interface ReportOptions {
  readonly json: boolean;
  readonly verbose: boolean;
  readonly stats: boolean;
}

/** What the flags of a command say about its report. */
export function reportOptionsOf(flags: FlagValues): ReportOptions {
  return { json: flags.json === true, verbose: flags.verbose === true, stats: flags.stats === true };
}

/** Print a result; `more` holds members that this command adds to the JSON document. */
export function reportResult(
  terminal: Terminal,
  result: SyncResult,
  options: ReportOptions,
  more: Readonly<Record<string, unknown>> = {},
): ExitStatus {
  if (options.json) reportJson(terminal, { ...result, ...more });
  else terminal.result(resultText(result, options));
  return exitStatusOfResult(result);
}

/** Print one JSON document. */
export function reportJson(terminal: Terminal, document: unknown): void {
  terminal.result(`${JSON.stringify(document, null, 2)}\n`);
}

/** Print a failure, with the result of the run if it got that far. */
export function reportFailure(
  terminal: Terminal,
  failure: Failure,
  options: ReportOptions,
  more: Readonly<Record<string, unknown>> = {},
): ExitStatus {
  const { result, ...error } = failure;
  if (options.json) reportJson(terminal, { ...result, ...more, error });
  else if (result !== undefined) terminal.result(resultText(result, options));
  terminal.note(failureText(failure));
  return exitStatusOfCode(failure.code, result);
}

/** `error: message [CODE]`, further facts on lines of their own, and what to do about it. */
function failureText({ code, message, remedy }: Failure): string {
  const [first = "", ...facts] = message.split("\n");
  const lines = [`error: ${first.replace(/:$/u, "")} [${code}]`, ...facts];
  if (remedy !== "") lines.push(`remedy: ${remedy}`);
  return lines.map((line) => `${line}\n`).join("");
}

/** Print what was thrown. */
export function reportError(terminal: Terminal, error: unknown, options: ReportOptions): ExitStatus {
  return reportFailure(terminal, failureOf(error), options);
}
