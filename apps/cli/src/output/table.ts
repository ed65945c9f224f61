/** Rows under titles, each column as wide as its widest cell. */

/** No column is made narrower than this to fit a terminal. */
const LEAST_WIDTH = 12;

/**
 * Every line ends with a line feed and with no blank before it. Where `columns` says how wide the terminal is, the
 * middle of what is longest is left out first, so that a row stays one line and shows something of every column.
 * Columns in `keep` stay whole, because somebody copies what is in them.
 */
export function tableText(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number = Infinity,
  keep: ReadonlySet<number> = new Set(),
): string {
  const table = [titles, ...rows];
  const widths = fitted(
    titles.map((_, column) => table.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0)),
    columns,
    keep,
  );
  const cut = (line: string): string => (line.length > columns ? `${line.slice(0, columns - 1)}…` : line);
  return table
    .map((row) => {
      const cells = row.map((cell, column) => {
        const width = widths[column] ?? 0;
        return shortened(cell, width).padEnd(width);
      });
      return `${cut(cells.join(GAP).trimEnd())}\n`;
    })
    .join("");
}

const GAP = "  ";

/** The widest become as wide as the next ones, and so on, until a line fits. */
function fitted(widths: readonly number[], columns: number, keep: ReadonlySet<number>): readonly number[] {
  let most = Math.max(...widths);
  const narrowed = (): readonly number[] =>
    widths.map((width, column) => (keep.has(column) ? width : Math.min(width, most)));
  const length = (): number => narrowed().reduce((sum, width) => sum + width + GAP.length, -GAP.length);
  while (most > LEAST_WIDTH && length() > columns) most -= 1;
  return narrowed();
}

function shortened(text: string, width: number): string {
  if (text.length <= width) return text;
  const head = Math.ceil((width - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`;
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
