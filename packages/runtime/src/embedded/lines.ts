/** Lines of a stream, as they come. */

import type { Readable } from "node:stream";

/** A peer that never ends its line is cut off here, in UTF-16 units. */
const MAX_LINE = 64 * 1024;

/**
 * Call `onLine` for every line, without its line feed. Errors of the stream stay the stream's: `node:readline`
 * raises them a second time on its own object, where an unhandled one ends the process.
 */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = `${rest}${text}`.split("\n");
    rest = (lines.pop() ?? "").slice(-MAX_LINE);
    for (const line of lines) onLine(line);
  });
}
