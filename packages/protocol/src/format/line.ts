// Text of a peer in one line of a trace.

import { sanitizeText } from "../sanitize-text.ts";

/** At most this much of one value is shown. */
const MAX_LENGTH = 1000;

/** Text made safe and short. */
export function shown(text: string): string {
  return sanitizeText(text, { maxLength: MAX_LENGTH });
}

/** Lines joined, without those that are empty; no final LF. */
export function lines(...parts: readonly (string | readonly string[] | undefined)[]): string {
  return parts
    .flat()
    .filter((line) => line !== undefined && line !== "")
    .join("\n");
}
