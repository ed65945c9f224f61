// What a partial fetch leaves out: the filter-spec of git-rev-list(1), `--filter`.

import { decodeText, encodeText } from "./byte-text.ts";
import { ProtocolError } from "./errors.ts";
import type { ObjectType } from "./pack/entry.ts";

/** A filter: git-rev-list(1), "--filter=<filter-spec>"; gitprotocol-v2(5), "fetch". */
export type FilterSpec =
  /** No blobs. */
  | { readonly type: "blob:none" }
  /** No blobs of this many bytes or more. */
  | { readonly type: "blob:limit"; readonly bytes: number }
  /** No trees and blobs at this depth or deeper; 0 leaves commits and tags. */
  | { readonly type: "tree"; readonly depth: number }
  /** Nothing but objects of this type, and what was asked for by id. */
  | { readonly type: "object:type"; readonly objectType: ObjectType }
  /** No blobs outside the sparse specification that this blob holds. Text as in `RefName`. */
  | { readonly type: "sparse:oid"; readonly blob: string }
  /** What passes all of them. */
  | { readonly type: "combine"; readonly filters: readonly FilterSpec[] };

const OBJECT_TYPES: readonly ObjectType[] = ["commit", "tree", "blob", "tag"];
const FACTORS: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

// Combining a combination is legal and useless; this deep it is an attack on the stack.
const MAX_NESTING = 16;

/**
 * Read a filter-spec. Sizes may end in `k`, `m` or `g`; parts of `combine:` are percent-decoded.
 *
 * @throws {ProtocolError} `FILTER_INVALID` for a filter that git does not know, or knows no more (`sparse:path`).
 */
export function parseFilterSpec(text: string): FilterSpec {
  return parse(text, 0);
}

/**
 * The spec as it is sent, a string: sizes in full, as older servers know no suffixes, and parts of `combine:`
 * percent-encoded. Source: git-rev-list(1), "--filter".
 *
 * @throws {ProtocolError} `FILTER_INVALID` for a combination of nothing, a number that is none, or NUL or LF in a
 * name.
 */
export function encodeFilterSpec(spec: FilterSpec): string {
  switch (spec.type) {
    case "blob:none":
      return "blob:none";
    case "blob:limit":
      return `blob:limit=${countText(spec.bytes)}`;
    case "tree":
      return `tree:${countText(spec.depth)}`;
    case "object:type":
      return `object:type=${spec.objectType}`;
    case "sparse:oid":
      if (spec.blob === "" || /[\0\n]/.test(spec.blob)) throw invalid(spec.blob);
      return `sparse:oid=${spec.blob}`;
    case "combine":
      if (spec.filters.length === 0) throw invalid("combine:");
      return `combine:${spec.filters.map((part) => percentEncode(encodeFilterSpec(part))).join("+")}`;
  }
}

function parse(text: string, nesting: number): FilterSpec {
  if (text === "blob:none") return { type: "blob:none" };
  const [, keyword = "", value = ""] =
    /^(blob:limit=|tree:|object:type=|sparse:oid=|combine:)(.+)$/s.exec(text) ?? [];
  switch (keyword) {
    case "blob:limit=":
      return { type: "blob:limit", bytes: parseCount(value, text) };
    case "tree:":
      return { type: "tree", depth: parseCount(value, text) };
    case "object:type=": {
      const objectType = OBJECT_TYPES.find((type) => type === value);
      if (objectType === undefined) throw invalid(text);
      return { type: "object:type", objectType };
    }
    case "sparse:oid=":
      return { type: "sparse:oid", blob: value };
    case "combine:":
      return { type: "combine", filters: parseParts(value, nesting) };
    default:
      throw invalid(text);
  }
}

function parseParts(text: string, nesting: number): FilterSpec[] {
  // git ignores empty parts.
  const parts = text.split("+").filter((part) => part !== "");
  if (parts.length === 0 || nesting >= MAX_NESTING) throw invalid(`combine:${text}`);
  return parts.map((part) => {
    if (MUST_ESCAPE.test(part)) throw invalid(part);
    return parse(percentDecode(part), nesting + 1);
  });
}

function parseCount(text: string, spec: string): number {
  const [, digits, suffix = ""] = /^([0-9]{1,16})([kmgKMG]?)$/.exec(text) ?? [];
  const count = Number(digits) * (FACTORS[suffix.toLowerCase()] ?? Number.NaN);
  if (!Number.isSafeInteger(count)) throw invalid(spec);
  return count;
}

function countText(count: number): string {
  if (!Number.isSafeInteger(count) || count < 0) throw invalid(String(count));
  return String(count);
}

// What git demands to be escaped in a part, and so what it escapes, with `%` and `+`.
const MUST_ESCAPE = /[^!-~]|[~`!@#$^&*()[\]{}\\;'",<>?]/;

function percentEncode(text: string): string {
  let encoded = "";
  for (const byte of encodeText(text)) {
    const character = String.fromCharCode(byte);
    encoded +=
      MUST_ESCAPE.test(character) || character === "%" || character === "+"
        ? `%${byte.toString(16).padStart(2, "0")}`
        : character;
  }
  return encoded;
}

/** A `%` without two hex digits stands for itself. */
function percentDecode(text: string): string {
  const bytes: number[] = [];
  for (let index = 0; index < text.length; index += 1) {
    const digits = text[index] === "%" ? text.slice(index + 1, index + 3) : "";
    if (!/^[0-9A-Fa-f]{2}$/.test(digits)) {
      bytes.push(text.charCodeAt(index));
      continue;
    }
    bytes.push(Number.parseInt(digits, 16));
    index += 2;
  }
  return decodeText(Uint8Array.from(bytes));
}

function invalid(spec: string): ProtocolError {
  return new ProtocolError("FILTER_INVALID", "Cannot use filter: git knows no such filter-spec", {
    phase: "filter",
    excerpt: new TextEncoder().encode(spec.slice(0, 80)),
  });
}
