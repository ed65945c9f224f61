// Ref names for people, JSON and command lines: readable, printable, reversible.

import { decodeText, encodeText } from "./byte-text.ts";
import { ProtocolError } from "./errors.ts";
import { parseRefName, type RefName } from "./ref-name.ts";

// The same characters that sanitizeText escapes, and a leading quote, which announces the quoted form.
const NEEDS_QUOTES = /^"|[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

const LETTERS: Readonly<Record<string, number>> = {
  a: 0x07,
  b: 0x08,
  t: 0x09,
  n: 0x0a,
  v: 0x0b,
  f: 0x0c,
  r: 0x0d,
  '"': 0x22,
  "\\": 0x5c,
};

/**
 * A printable form of a ref name.
 *
 * Well-formed text without control characters stays as it is. Anything else is quoted as git's
 * `core.quotePath` does (git-config(1)): `"refs/heads/caf\351"`. A name that itself starts with `"` is quoted
 * too, so the first character tells the forms apart.
 */
export function formatRefName(name: RefName): string {
  if (name.isWellFormed() && !NEEDS_QUOTES.test(name)) return name;
  let text = '"';
  for (const byte of encodeText(name)) {
    if (byte === 0x22 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\${byte.toString(8).padStart(3, "0")}`;
  }
  return `${text}"`;
}

/**
 * The name that {@link formatRefName} printed; also reads git's letter escapes (`\t`, `\n`, …).
 *
 * @throws {ProtocolError} `REF_NAME_INVALID` when the quoting or the name is wrong.
 */
export function parseFormattedRefName(text: string): RefName {
  return parseRefName(text.startsWith('"') ? unquote(text) : text);
}

function unquote(text: string): string {
  const bytes: number[] = [];
  let index = 1;
  for (;;) {
    const character = text[index];
    if (character === undefined) throw badQuoting(text);
    index += 1;
    if (character === '"') break;
    if (character !== "\\") {
      const point = text.codePointAt(index - 1) ?? 0;
      if (point > 0xffff) index += 1;
      bytes.push(...encodeText(String.fromCodePoint(point)));
      continue;
    }
    const octal = /^[0-3][0-7]{2}/.exec(text.slice(index, index + 3));
    const letter = LETTERS[text[index] ?? ""];
    if (octal !== null) bytes.push(Number.parseInt(octal[0], 8));
    else if (letter !== undefined) bytes.push(letter);
    else throw badQuoting(text);
    index += octal === null ? 1 : 3;
  }
  if (index !== text.length) throw badQuoting(text);
  return decodeText(Uint8Array.from(bytes));
}

function badQuoting(text: string): ProtocolError {
  return new ProtocolError("REF_NAME_INVALID", "Cannot read quoted ref name: quoting is not git's", {
    phase: "ref-name",
    excerpt: new TextEncoder().encode(text.slice(0, 80)),
  });
}
