/** What a benchmark found: figures, each a ratio against a peer that ran in the same minute or a plain number. */

export interface Figure {
  readonly benchmark: string;
  /** What was measured, in plain words. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the value may be at most; none: it is told and not judged. */
  readonly limit?: number;
  /** How the value came about: `4.1 s against 5.0 s`. */
  readonly how: string;
}

/** Whether a figure keeps its limit. */
export function holds({ value, limit }: Figure): boolean {
  return limit === undefined || value <= limit;
}

/** Lines for people. */
export function printTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.benchmark,
    figure.name,
    `${round(figure.value)}${figure.unit === "" ? "" : ` ${figure.unit}`}`,
    figure.limit === undefined ? "" : `≤ ${figure.limit}`,
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

export function seconds(ms: number): string {
  return `${round(ms / 1_000)} s`;
}

export function mebibytes(bytes: number): string {
  return `${round(bytes / 2 ** 20)} MiB`;
}

function round(value: number): string {
  if (value === 0) return "0";
  return value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
}
