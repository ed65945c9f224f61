/** What a probe found, as text. */

import type { ProbeResult } from "@gitsync/engine";
import { measurementLines, statsLines } from "./result-text.ts";

/** Every line ends with a line feed. */
export function probeText(result: ProbeResult, options: { readonly stats: boolean }): string {
  const head = result.sourceHead === undefined || result.sourceHead === "" ? "-" : result.sourceHead;
  return [
    `source:              ${result.sourceUrl}`,
    `protocol:            ${result.protocol} (asked: ${result.requestedMode})`,
    `object-format:       ${result.objectFormat}`,
    `source-head:         ${head}${result.sourceHeadUnborn === true ? " (no commit yet)" : ""}`,
    `source-capabilities: ${result.sourceCapabilities.join(" ")}`,
    ...(result.targetUrl === undefined ? [] : [`target:              ${result.targetUrl}`]),
    ...(result.targetCapabilities === undefined
      ? []
      : [`target-capabilities: ${result.targetCapabilities.join(" ")}`]),
    `refs:                ${result.refs.length}`,
    ...result.refs.map((ref) => `${ref.hash} ${ref.name}`),
    ...(options.stats ? statsLines(result) : []),
    ...measurementLines(result),
  ]
    .map((line) => `${line}\n`)
    .join("");
}
