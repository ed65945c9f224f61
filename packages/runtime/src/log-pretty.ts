/**
 * A JSON log line as a line for people: time, level, message, then the fields as `key=value`. Of a run's report only
 * what a glance needs; the JSON line and `git-sync jobs show` have the rest.
 */

import { stripVTControlCharacters } from "node:util";

const HIDDEN: ReadonlySet<string> = new Set(["time", "level", "msg", "name", "err", "error"]);

/** One readable line, the stack of an error indented below it. Text that is not a JSON object is returned as it is. */
export function formatPrettyLine(json: string): string {
  const entry = parseObject(json);
  if (entry === undefined) return json;
  const time = typeof entry["time"] === "string" ? entry["time"].slice(11, 19) : "";
  const fields = Object.entries(entry)
    .filter(([key]) => !HIDDEN.has(key))
    .flatMap(([key, value]) => (key === "report" ? reportFields(value) : [field(key, value)]));
  const parts = [time, printable(entry["level"]).padEnd(5), printable(entry["msg"]), ...fields];
  return `${oneLine(parts.filter((part) => part !== "").join(" "))}\n${formatError(entry["err"] ?? entry["error"])}`;
}

function field(key: string, value: unknown): string {
  return `${key}=${typeof value === "string" ? quote(value) : JSON.stringify(value)}`;
}

/** Route and outcome, the refs that were touched or left behind, and what went wrong. */
function reportFields(report: unknown): readonly string[] {
  const counts = Object.entries(membersOf(membersOf(membersOf(report)["result"])["counts"]));
  const { route, outcome, error } = membersOf(report);
  const { code, message, remedy } = membersOf(error);
  const touched = counts.filter(([name, count]) => name !== "skipped" && count !== 0);
  return Object.entries({ route, outcome, ...Object.fromEntries(touched), code, error: message, remedy })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => field(key, value));
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function formatError(error: unknown): string {
  if (typeof error === "string") return formatError({ message: error });
  if (typeof error !== "object" || error === null) return "";
  const { stack, message, cause } = { stack: undefined, message: undefined, cause: undefined, ...error };
  const text = printable(stack) || printable(message);
  const lines = text.split("\n").map((line) => `    ${oneLine(line.trim())}\n`);
  return lines.join("") + formatError(cause);
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function printable(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function quote(text: string): string {
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}

/** A terminal must not be steered by text that came from a remote. */
function oneLine(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/\p{Cc}/gu, " ");
}
