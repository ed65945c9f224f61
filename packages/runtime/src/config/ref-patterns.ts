/** Refspec patterns as far as a configuration has to understand them: are they well-formed, do two of them overlap. */

import { isValidRefName } from "@gitsync/protocol";

/** One side of a pattern: a full name, or everything between a prefix and a suffix. */
interface Side {
  readonly prefix: string;
  /** `undefined` for a full name. */
  readonly suffix: string | undefined;
}

/** What a list of patterns writes at the target. */
export interface ManagedRefs {
  readonly written: readonly Side[];
  /** Left out again; only of patterns that keep names as they are. */
  readonly leftOut: readonly Side[];
}

/** What is wrong with one pattern, as git-fetch(1) has it; `undefined` when nothing is. */
export function refPatternFault(text: string): string | undefined {
  const parts = text.replace(/^[\^+]/u, "").split(":");
  const [source = "", target = source] = parts;
  if (parts.length > 2) return "has more than one colon";
  if (text.startsWith("^") && parts.length > 1) return "takes refs out, so it names no target";
  const stars = [source, target].map((side) => side.split("*").length - 1);
  if (stars[0] !== stars[1] || (stars[0] ?? 0) > 1) return "needs one * on both sides, or none";
  for (const side of [source, target]) {
    if (!side.startsWith("refs/")) return "must begin with refs/";
    if (!isValidRefName(side.replace("*", "x"))) return "is not the name of a ref";
  }
  return undefined;
}

/** Patterns without a {@link refPatternFault}. */
export function managedRefs(patterns: readonly string[]): ManagedRefs {
  const plain = patterns.map((text) => text.replace(/^\+/u, ""));
  const mapped = plain.some((text) => text.includes(":"));
  return {
    written: plain
      .filter((text) => !text.startsWith("^"))
      .map((text) => sideOf(text.split(":").at(-1) ?? "")),
    leftOut: mapped ? [] : plain.filter((text) => text.startsWith("^")).map((text) => sideOf(text.slice(1))),
  };
}

/** A pattern that both write, printed; `undefined` when no name is written by both. */
export function commonRefs(one: ManagedRefs, other: ManagedRefs): string | undefined {
  const leftOut = [...one.leftOut, ...other.leftOut];
  for (const a of one.written) {
    for (const b of other.written) {
      const both = intersection(a, b);
      if (both !== undefined && !leftOut.some((side) => covers(side, both))) return print(both);
    }
  }
  return undefined;
}

function sideOf(text: string): Side {
  const [prefix = "", suffix] = text.split("*");
  return { prefix, suffix };
}

function print({ prefix, suffix }: Side): string {
  return suffix === undefined ? prefix : `${prefix}*${suffix}`;
}

/** A superset of the names that both sides match, as close as one pattern gets. */
function intersection(a: Side, b: Side): Side | undefined {
  if (a.suffix === undefined) return matches(b, a.prefix) ? a : undefined;
  if (b.suffix === undefined) return matches(a, b.prefix) ? b : undefined;
  const [prefix, shorter] = a.prefix.length >= b.prefix.length ? [a.prefix, b.prefix] : [b.prefix, a.prefix];
  const [suffix, end] = a.suffix.length >= b.suffix.length ? [a.suffix, b.suffix] : [b.suffix, a.suffix];
  return prefix.startsWith(shorter) && suffix.endsWith(end) ? { prefix, suffix } : undefined;
}

function covers(side: Side, inner: Side): boolean {
  if (inner.suffix === undefined) return matches(side, inner.prefix);
  if (side.suffix === undefined) return false;
  return inner.prefix.startsWith(side.prefix) && inner.suffix.endsWith(side.suffix);
}

function matches({ prefix, suffix }: Side, name: string): boolean {
  if (suffix === undefined) return name === prefix;
  return name.length > prefix.length + suffix.length && name.startsWith(prefix) && name.endsWith(suffix);
}
