/**
 * git's refspec patterns: a full name or one with a single `*`, optionally `source:target`. Pure.
 *
 * Source: git-fetch(1), "CONFIGURED REMOTE-TRACKING BRANCHES" and the section on refspecs; a leading `^`
 * (negative refspec) is taken off by the caller, and a leading `+` has no meaning here.
 */

import { isValidRefName, type RefName } from "@gitsync/protocol";

export interface RefPattern {
  /** The target name of a source name, which git may not take; `undefined` when the pattern does not match. */
  readonly toTarget: (source: RefName) => RefName | undefined;
  /** The source name that would become this target name. */
  readonly toSource: (target: RefName) => RefName | undefined;
  /** What a listing may be narrowed to. */
  readonly sourcePrefix: string;
  readonly targetPrefix: string;
}

/** Parse one pattern; the returned text says what is wrong with it. */
export function parseRefPattern(text: string): RefPattern | string {
  const parts = text.replace(/^\+/u, "").split(":");
  const [source = "", target = source] = parts;
  if (parts.length > 2) return "has more than one colon";
  const stars = [source, target].map((side) => side.split("*").length - 1);
  if (stars[0] !== stars[1] || (stars[0] ?? 0) > 1) return "needs one * on both sides, or none";
  for (const side of [source, target]) {
    if (!side.startsWith("refs/")) return "must begin with refs/";
    if (!isValidRefName(side.replace("*", "x"))) return "is not a ref name";
  }
  return patternOf(source, target);
}

function patternOf(source: string, target: string): RefPattern {
  const [sourcePrefix = "", sourceSuffix] = source.split("*");
  const [targetPrefix = "", targetSuffix] = target.split("*");
  return {
    toTarget: (name) => replaced(name, sourcePrefix, sourceSuffix, targetPrefix, targetSuffix),
    toSource: (name) => {
      const source = replaced(name, targetPrefix, targetSuffix, sourcePrefix, sourceSuffix);
      return source === undefined || source === name || isValidRefName(source) ? source : undefined;
    },
    sourcePrefix,
    targetPrefix,
  };
}

function replaced(
  name: string,
  prefix: string,
  suffix: string | undefined,
  newPrefix: string,
  newSuffix: string | undefined,
): RefName | undefined {
  if (suffix === undefined) return name === prefix ? (newPrefix as RefName) : undefined;
  // As in git, * stands for nothing as well.
  if (name.length < prefix.length + suffix.length) return undefined;
  if (!name.startsWith(prefix) || !name.endsWith(suffix)) return undefined;
  const middle = name.slice(prefix.length, name.length - suffix.length);
  return `${newPrefix}${middle}${newSuffix ?? ""}` as RefName;
}
