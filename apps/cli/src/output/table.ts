/** Rows under titles, each column as wide as its widest cell. */

/**
 * Every line ends with a line feed and with no blank before it. Where `columns` says how wide the terminal is, what is
 * wider is cut, so that a row stays one line.
 */
export function tableText(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number = Infinity,
): string {
  const table = [titles, ...rows];
  const widths = titles.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const cut = (line: string): string => (line.length > columns ? `${line.slice(0, columns - 1)}…` : line);
  return table
    .map((row) => {
      const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
      return `${cut(cells.join("  ").trimEnd())}\n`;
    })
    .join("");
}

/** `name:     value`, one line each; what is not known is left out. */
export function factsText(facts: readonly (readonly [name: string, value: string | undefined])[]): string {
  return facts
    .flatMap(([name, value]) =>
      value === undefined || value === "" ? [] : [`${`${name}:`.padEnd(10)}${value}\n`],
    )
    .join("");
}

/** `2026-01-31T12:00:00Z` */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/u, "Z");
}
