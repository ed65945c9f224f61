// Makes text of a peer safe to print and log. Pure; nothing is dropped silently, what cannot be shown is escaped.

import { decodeText } from "./byte-text.ts";

/** How to sanitise. */
export interface SanitizeTextOptions {
  /** Most UTF-16 code units of the result; longer text is cut and ends in `…`. */
  readonly maxLength: number;
  /** Keep LF as it is instead of escaping it. Default: false. */
  readonly keepNewlines?: boolean;
}

// C0 but tab, DEL and C1, bidirectional controls, line and paragraph separators, lone surrogates.
// A terminal obeys the first two; the others make a line read differently from what it says.
const UNSAFE =
  /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/**
 * Replace every character that a terminal or a log reader could obey by a visible `\u{..}` escape.
 *
 * Bytes are read as UTF-8; a byte that is not part of valid UTF-8 appears as `\u{dc80}` to `\u{dcff}`.
 * Tabs stay; LF stays only with `keepNewlines`. The result is a new string.
 */
export function sanitizeText(text: string | Uint8Array, options: SanitizeTextOptions): string {
  const { maxLength, keepNewlines = false } = options;
  // No character becomes shorter, so whatever lies past maxLength units (3 bytes each at most) cannot matter.
  const raw =
    typeof text === "string"
      ? text.slice(0, maxLength + 1)
      : decodeText(text.subarray(0, 4 * (maxLength + 1)));
  const safe = raw.replace(UNSAFE, (character) =>
    character === "\n" && keepNewlines ? character : `\\u{${character.charCodeAt(0).toString(16)}}`,
  );
  if (safe.length <= maxLength) return safe;
  let end = Math.max(0, maxLength - 1);
  if (end > 0 && isHighSurrogate(safe.charCodeAt(end - 1))) end -= 1;
  return `${safe.slice(0, end)}…`;
}

/** At most 64 bytes as printable ASCII: everything else becomes `\n`, `\r`, `\t` or `\xhh`. */
export function escapeExcerpt(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes.subarray(0, 64)) {
    if (byte === 0x0a) text += "\\n";
    else if (byte === 0x0d) text += "\\r";
    else if (byte === 0x09) text += "\\t";
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return text;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
