/** What a benchmark found: figures, each a ratio against a peer that ran in the same minute or a plain number. */

/** What a value has to keep. */
export type Limit = { readonly atMost: number } | { readonly atLeast: number };

export interface Figure {
  /** What was measured, in plain words: `time to demultiplex / naive demultiplexer`. */
  readonly name: string;
  readonly value: number;
  /** Empty for a ratio. */
  readonly unit: string;
  /** None: the value is told and not judged. */
  readonly limit?: Limit;
  /** How the value came about: `4.1 ms against 5.0 ms`. */
  readonly how: string;
}

/** A {@link Figure} with the name of the benchmark that found it. */
export interface FoundFigure extends Figure {
  readonly benchmark: string;
}

/** Whether a figure keeps its limit. A value that is no number keeps none. */
export function holds({ value, limit }: Figure): boolean {
  if (limit === undefined) return true;
  return "atMost" in limit ? value <= limit.atMost : value >= limit.atLeast;
}

/** Lines for people. */
export function printTable(figures: readonly FoundFigure[]): string {
  const rows = figures.map((figure) => [
    figure.benchmark,
    figure.name,
    `${round(figure.value)}${figure.unit === "" ? "" : ` ${figure.unit}`}`,
    limitText(figure.limit),
    holds(figure) ? "" : "BROKEN",
    figure.how,
  ]);
  const titles = ["benchmark", "figure", "value", "limit", "", "how"];
  const widths = titles.map((title, column) =>
    Math.max(...[titles, ...rows].map((row) => (row[column] ?? title).length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [titles, ...rows].map(line).join("\n");
}

export function milliseconds(ms: number): string {
  return `${round(ms)} ms`;
}

export function mebibytes(bytes: number): string {
  return `${round(bytes / 2 ** 20)} MiB`;
}

function limitText(limit: Limit | undefined): string {
  if (limit === undefined) return "";
  return "atMost" in limit ? `≤ ${limit.atMost}` : `≥ ${limit.atLeast}`;
}

/** Three digits that count. */
function round(value: number): string {
  if (value === 0) return "0";
  const digits = 2 - Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(6, Math.max(0, digits)));
}
