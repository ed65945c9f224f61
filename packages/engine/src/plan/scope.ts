/**
 * Which refs a run manages: source names become target names here, and only here. Pure.
 *
 * The same scope answers both questions that a mirror has: what should the target hold, and which of its
 * refs may be deleted because the source lacks them.
 */

import { isValidRefName, parseFormattedRefName, parseRefName, type RefName } from "@gitsync/protocol";
import type { RefMapping, RefScope } from "../schema/index.ts";
import { isForgeRef, isOwnRef, refKind } from "./ref-kind.ts";
import { parseRefPattern, type RefPattern } from "./ref-pattern.ts";

interface Mapping {
  readonly source: RefName;
  readonly target: RefName;
}

/** A scope that passed every check. */
export interface ResolvedScope {
  /** Prefixes that hold every managed source ref; what a listing is narrowed to. */
  readonly sourcePrefixes: readonly string[];
  /** Explicit pairs; a missing source ref is an error. */
  readonly mappings: readonly Mapping[];
  /** Branches asked for by name; that some are missing is no error, that all are is one. */
  readonly branches: readonly RefName[];
  /** The target name that a discovered source ref becomes, or `undefined` when it is not managed. */
  readonly targetOf: (source: RefName) => RefName | undefined;
  /** Whether this target ref is one that the scope would have written, so that it may be pruned. */
  readonly mayPrune: (target: RefName) => boolean;
}

type ScopeOutcome =
  | { readonly ok: true; readonly scope: ResolvedScope }
  | { readonly ok: false; readonly field: string; readonly message: string };

/** Check a scope and make it answerable. A fault names its field. */
export function resolveScope(scope: RefScope, includeTags: boolean): ScopeOutcome {
  const fail = (field: string, message: string): ScopeOutcome => ({ ok: false, field, message });
  const allRefs = scope.allRefs ?? false;
  const include: RefPattern[] = [];
  const negative: RefPattern[] = [];
  for (const [index, text] of (scope.includeRefs ?? []).entries()) {
    const pattern = parseRefPattern(text.replace(/^\^/u, ""));
    if (typeof pattern === "string")
      return fail(`scope.includeRefs[${index}]`, `${pattern}: ${JSON.stringify(text)}`);
    (text.startsWith("^") ? negative : include).push(pattern);
  }
  const mappings: Mapping[] = [];
  const targets = new Set<string>();
  for (const [index, mapping] of (scope.mappings ?? []).entries()) {
    const field = `scope.mappings[${index}]`;
    const resolved = resolveMapping(mapping, allRefs);
    if (typeof resolved === "string") return fail(field, resolved);
    if (targets.has(resolved.target)) return fail(field, `maps a second ref to ${resolved.target}`);
    targets.add(resolved.target);
    mappings.push(resolved);
  }
  const branches = new Set<RefName>();
  for (const [index, text] of (allRefs ? [] : (scope.branches ?? [])).entries()) {
    const name = fullName(text);
    if (name === undefined)
      return fail(`scope.branches[${index}]`, `is not a branch name: ${JSON.stringify(text)}`);
    branches.add(name);
  }
  const excluded = excluder(scope);
  const tags = includeTags || allRefs;
  const wanted = wantedBy({ include, allRefs, tags, branches, discoverBranches: mappings.length === 0 });
  const isNegative = (name: RefName): boolean =>
    negative.some((pattern) => pattern.toTarget(name) !== undefined);
  return {
    ok: true,
    scope: {
      mappings,
      branches: include.length === 0 && mappings.length === 0 ? [...branches] : [],
      sourcePrefixes: prefixesOf({ include, allRefs, tags, mappings }),
      targetOf: (source) => {
        if (isOwnRef(source) || excluded(source) || isNegative(source)) return undefined;
        const target = wanted.targetOf(source);
        if (target === undefined || (targets.size > 0 && targets.has(target))) return undefined;
        return target !== source && isOwnRef(target) ? undefined : target;
      },
      mayPrune: (target) => {
        if (isOwnRef(target) || excluded(target)) return false;
        const source = wanted.sourceOf(target, branches.size > 0 || mappings.length > 0);
        return source !== undefined && !isNegative(source);
      },
    },
  };
}

interface Wanted {
  readonly targetOf: (source: RefName) => RefName | undefined;
  readonly sourceOf: (target: RefName, branchesNarrowed: boolean) => RefName | undefined;
}

interface WantedRules {
  readonly include: readonly RefPattern[];
  readonly allRefs: boolean;
  readonly tags: boolean;
  readonly branches: ReadonlySet<RefName>;
  readonly discoverBranches: boolean;
}

function wantedBy(rules: WantedRules): Wanted {
  if (rules.include.length > 0) {
    const targetOf = (source: RefName): RefName | undefined =>
      firstOf(rules.include, (pattern) => pattern.toTarget(source));
    return {
      targetOf,
      // Where patterns overlap the first one names the target; a name that only a later one gives is not ours.
      sourceOf: (target) =>
        firstOf(rules.include, (pattern) => {
          const source = pattern.toSource(target);
          return source !== undefined && targetOf(source) === target ? source : undefined;
        }),
    };
  }
  const isWanted = (name: RefName): boolean => {
    switch (refKind(name)) {
      case "branch":
        return rules.discoverBranches && (rules.branches.size === 0 || rules.branches.has(name));
      case "tag":
        return rules.tags;
      case "other":
        return rules.allRefs && name.startsWith("refs/") && !isForgeRef(name);
    }
  };
  return {
    targetOf: (source) => (isWanted(source) ? source : undefined),
    // A filter that names single refs says nothing about the others: they are not ours to delete.
    sourceOf: (target, branchesNarrowed) =>
      isWanted(target) && (refKind(target) === "tag" || !branchesNarrowed) ? target : undefined,
  };
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function excluder(scope: RefScope): (name: RefName) => boolean {
  const prefixes = (scope.excludeRefPrefixes ?? [])
    .map((prefix) => prefix.trim())
    .filter((prefix) => prefix !== "");
  const names = new Set((scope.excludeRefs ?? []).map((name) => name.trim()));
  // An empty set would still hash each of a million names.
  return (name) => (names.size > 0 && names.has(name)) || prefixes.some((prefix) => name.startsWith(prefix));
}

/** A short name means a branch; both sides short, or both full and of one kind. */
function resolveMapping(mapping: RefMapping, allRefs: boolean): Mapping | string {
  const [source, target] = [mapping.source.trim(), mapping.target.trim()];
  const isFull = (text: string): boolean => text.startsWith("refs/") || text.startsWith('"');
  if (isFull(source) !== isFull(target)) return `mixes a full and a short name: ${source}:${target}`;
  const [from, to] = [fullName(source), fullName(target)];
  if (from === undefined || to === undefined) return `is not a pair of ref names: ${source}:${target}`;
  if (refKind(from) !== refKind(to))
    return `maps a ${refKind(from)} to a ${refKind(to)}: ${source}:${target}`;
  if (refKind(from) === "other" && !allRefs)
    return `needs allRefs for refs outside heads and tags: ${source}`;
  if (isOwnRef(to) || isOwnRef(from)) return `names a ref that is kept for git-sync itself: ${target}`;
  return { source: from, target: to };
}

function fullName(text: string): RefName | undefined {
  const trimmed = text.trim();
  if (trimmed.startsWith('"')) return unquoted(trimmed);
  const full = trimmed.startsWith("refs/") ? trimmed : `refs/heads/${trimmed}`;
  return isValidRefName(full) ? parseRefName(full) : undefined;
}

/** Results print names that are not UTF-8 in quotes, and accept them back. */
function unquoted(text: string): RefName | undefined {
  try {
    return parseFormattedRefName(text);
  } catch {
    return undefined;
  }
}

interface PrefixRules {
  readonly include: readonly RefPattern[];
  readonly allRefs: boolean;
  readonly tags: boolean;
  readonly mappings: readonly Mapping[];
}

function prefixesOf(rules: PrefixRules): readonly string[] {
  if (rules.allRefs && rules.include.length === 0) return ["refs/"];
  const prefixes = new Set(rules.include.map((pattern) => pattern.sourcePrefix));
  if (rules.include.length === 0 && rules.mappings.length === 0) prefixes.add("refs/heads/");
  if (rules.include.length === 0 && rules.tags) prefixes.add("refs/tags/");
  for (const mapping of rules.mappings) prefixes.add(mapping.source);
  return [...prefixes].toSorted();
}
