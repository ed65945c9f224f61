/** Tables in the documents whose rows name the test that holds them, and the tests that a file has. */

/** A row `| What | `title` | `file` |`. */
export interface ListedTest {
  readonly title: string;
  /** As it is written: relative to whatever the document says. */
  readonly file: string;
}

/**
 * The rows of the table below a heading of a document.
 *
 * @throws {Error} for a row that names no test and is neither the table's head nor a bold line between its parts.
 */
export function listedTests(document: string, heading: string): readonly ListedTest[] {
  const from = document.indexOf(`\n## ${heading}\n`);
  if (from === -1) throw new Error(`The document has no part ${heading}`);
  const end = document.indexOf("\n## ", from + 1);
  const rows = document.slice(from, end === -1 ? undefined : end).matchAll(/^\|.*\|$/gmu);
  return [...rows].flatMap(([row], index) => {
    if (index < 2 || row.startsWith("| **")) return [];
    const [, title, file] = /^\| [^|]+ \| `([^`|]+)` \| `([^`|]+)` \|$/u.exec(row) ?? [];
    if (title === undefined || file === undefined) throw new Error(`This row names no test: ${row}`);
    return [{ title, file }];
  });
}

/** What may be a test's title: every string of a source that begins and ends on one line. */
export function titlesOf(source: string): ReadonlySet<string> {
  const strings = source.matchAll(/"([^"\n]*)"|`([^`\n]*)`/gu);
  return new Set([...strings].map(([, plain, template]) => plain ?? template ?? ""));
}
