/** What a fetch brought, as text. */

import type { FetchResult } from "@gitsync/engine/unstable";
import { formatBytes, measurementLines, statsLines } from "./result-text.ts";

/** Every line ends with a line feed. */
export function fetchText(result: FetchResult, options: { readonly stats: boolean }): string {
  const { sourceUrl, protocol, requestedMode, wants, haves, fetchedObjects, fetchedBytes } = result;
  return [
    `source:   ${sourceUrl}`,
    `protocol: ${protocol} (asked: ${requestedMode})`,
    `wants:    ${wants.length}`,
    `haves:    ${haves.length}`,
    `fetched:  ${fetchedObjects} objects, ${formatBytes(fetchedBytes)}`,
    ...wants.map(({ hash, name }) => `want ${hash} ${name}`),
    ...haves.map((id) => `have ${id}`),
    ...(options.stats ? statsLines(result) : []),
    ...measurementLines(result),
  ]
    .map((line) => `${line}\n`)
    .join("");
}
