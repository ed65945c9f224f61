// Ref names: bytes on the wire, one string each here. Never a file path.

import { decodeText, encodeText, isByteText } from "./byte-text.ts";
import { ProtocolError, type ProtocolPhase, type RefNameRule } from "./errors.ts";

declare const refNameBrand: unique symbol;

/**
 * A ref name. UTF-8 text; each byte that is not part of valid UTF-8 is carried as a lone surrogate
 * U+DC80..U+DCFF. Two names are equal strings exactly when they are equal bytes. Print with
 * `formatRefName`, put on the wire with {@link encodeRefName}. git-check-ref-format(1).
 */
export type RefName = string & { readonly [refNameBrand]: never };

/** Rules to relax in {@link isValidRefName}. git-check-ref-format(1). */
export interface RefNameRules {
  /** Accept a name without a slash, as `git check-ref-format --allow-onelevel`. Default: false. */
  readonly allowOneLevel?: boolean;
}

/**
 * The name that these bytes are: git-check-ref-format(1). Not validated: use {@link isValidRefName} before trusting
 * it.
 */
export function decodeRefName(bytes: Uint8Array): RefName {
  return decodeText(bytes) as RefName;
}

/** The bytes of a name: a new array. Source: git-check-ref-format(1). */
export function encodeRefName(name: RefName): Uint8Array {
  return encodeText(name);
}

/**
 * Read a ref name from text: anything {@link isValidRefName} accepts, and `HEAD`. git-check-ref-format(1).
 *
 * @throws {ProtocolError} `REF_NAME_INVALID`.
 */
export function parseRefName(text: string): RefName {
  if (text === "HEAD" || isValidRefName(text)) return text as RefName;
  throw refNameError(text, "ref-name");
}

/** The error for a name that {@link isValidRefName} refuses; `details.rule` is the first rule that it breaks. */
export function refNameError(text: string, phase: ProtocolPhase): ProtocolError {
  const rule = refNameFault(text) ?? "one-level";
  return new ProtocolError(
    "REF_NAME_INVALID",
    `Cannot use ref name: git check-ref-format refuses it (${rule})`,
    {
      phase,
      excerpt: new TextEncoder().encode(text.slice(0, 80)),
      details: { rule },
    },
  );
}

/** The first rule of git-check-ref-format(1) that a name breaks, but for `one-level`. */
function refNameFault(text: string): RefNameRule | undefined {
  if (!isByteText(text)) return "not-bytes";
  if (text === "") return "empty";
  if (text === "@") return "at-alone";
  if (/[\u0000-\u0020\u007f~^:?*[\\]/.test(text)) return "forbidden-byte";
  if (text.includes("..")) return "double-dot";
  if (text.includes("@{")) return "at-brace";
  const components = text.split("/");
  if (components.includes("")) return "component-empty";
  if (components.some((component) => component.startsWith("."))) return "component-begins-with-dot";
  if (components.some((component) => component.endsWith(".lock"))) return "component-ends-with-lock";
  return text.endsWith(".") ? "ends-with-dot" : undefined;
}

/**
 * True when git would accept the name: git-check-ref-format(1), "DESCRIPTION", byte for byte.
 *
 * Text that stands for no bytes (see {@link RefName}) is not valid.
 */
export function isValidRefName(text: string, rules?: RefNameRules): boolean {
  if (!isByteText(text)) return false;
  const bytes = encodeText(text);
  return isValidRefNameBytes(bytes, 0, bytes.length, rules?.allowOneLevel ?? false);
}

/** Byte order of the names, which is git's order: negative, zero or positive. */
export function compareRefNames(left: RefName, right: RefName): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a === b) continue;
    // UTF-16 order is byte order unless both sides are beyond ASCII (surrogate pairs, escaped bytes).
    if (a < 0x80 || b < 0x80) return a - b;
    return compareBytes(encodeText(left), encodeText(right));
  }
  return left.length - right.length;
}

const SLASH = 0x2f;
const DOT = 0x2e;

// Bytes no ref name may hold: controls, space, DEL and ~ ^ : ? * [ \
const FORBIDDEN: Uint8Array = /* @__PURE__ */ (() => {
  const table = new Uint8Array(256);
  table.fill(1, 0, 0x21);
  for (const character of "~^:?*[\\\u007f") table[character.charCodeAt(0)] = 1;
  return table;
})();

/**
 * {@link isValidRefName} for the bytes `start..end`, without making a string.
 *
 * Bytes before `checked` are known to begin another valid name, so that only what follows them is looked at.
 */
export function isValidRefNameBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  allowOneLevel: boolean,
  checked: number = start,
): boolean {
  if (end <= start || bytes[end - 1] === DOT) return false;
  if (end - start === 1 && bytes[start] === 0x40) return false;
  let isOneLevel = true;
  for (let index = start; isOneLevel && index < checked; index += 1) isOneLevel = bytes[index] !== SLASH;
  let previous = checked > start ? bytes[checked - 1] : SLASH;
  for (let index = checked; index < end; index += 1) {
    const byte = bytes[index] ?? 0;
    if (FORBIDDEN[byte] === 1) return false;
    if (byte === DOT && (previous === DOT || previous === SLASH)) return false;
    if (byte === 0x7b && previous === 0x40) return false;
    if (byte === SLASH) {
      if (previous === SLASH || endsWithLock(bytes, start, index)) return false;
      isOneLevel = false;
    }
    previous = byte;
  }
  if (previous === SLASH || endsWithLock(bytes, start, end)) return false;
  return allowOneLevel || !isOneLevel;
}

/** Whether the bytes `start..end` are `HEAD`, the one name that is valid on the wire without a slash. */
export function isHeadName(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    end - start === 4 &&
    bytes[start] === 0x48 &&
    bytes[start + 1] === 0x45 &&
    bytes[start + 2] === 0x41 &&
    bytes[start + 3] === 0x44
  );
}

function endsWithLock(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    end - start >= 5 &&
    bytes[end - 1] === 0x6b &&
    bytes[end - 2] === 0x63 &&
    bytes[end - 3] === 0x6f &&
    bytes[end - 4] === 0x6c &&
    bytes[end - 5] === DOT
  );
}

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
