/** Tables in the documents whose first column names what the code knows. */

/** The first column of the rows below a heading of a document, without its code marks: `` `ok` `` is `ok`. */
export function firstColumn(document: string, heading: string, head: string): readonly string[] {
  const from = document.indexOf(`\n## ${heading}\n`);
  const start = document.indexOf(`\n| ${head} |`, from);
  const next = document.indexOf("\n## ", from + 1);
  if (from === -1 || start === -1 || (next !== -1 && next < start)) {
    throw new Error(`The document has no table of ${head} below ${heading}`);
  }
  const [table = ""] = document.slice(start + 1).split("\n\n", 1);
  return [...table.matchAll(/^\| `([^`]+)` \|/gmu)].map(([, name = ""]) => name);
}
