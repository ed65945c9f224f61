/** Rows under titles, each column as wide as its widest cell. */

/** Every line ends with a line feed and with no blank before it. */
export function tableText(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = [titles, ...rows];
  const widths = titles.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
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
