/** What a ref is by its name, and the names that a mirror leaves alone. Pure. */

import type { RefName } from "@gitsync/protocol";
import type { RefKind } from "../schema/index.ts";

/** Refs that git-sync itself writes at a target; never mirrored and never pruned. */
export const OWN_PREFIX = "refs/gitsync/";

/**
 * Refs that forges write themselves, refuse from a push or act on: pull requests, reviews, pipelines,
 * Gerrit's configuration. They are part of no scope unless a pattern names them.
 */
const FORGE_PREFIXES: readonly string[] = Object.freeze([
  "refs/pull/",
  "refs/pull-requests/",
  "refs/merge-requests/",
  "refs/changes/",
  "refs/pipelines/",
  "refs/keep-around/",
  "refs/environments/",
  "refs/cache-automerge/",
  "refs/for/",
  "refs/meta/",
]);

export function refKind(name: RefName): RefKind {
  if (name.startsWith("refs/heads/")) return "branch";
  if (name.startsWith("refs/tags/")) return "tag";
  return "other";
}

/** `refs/heads/main` → `main`; other names stay whole. */
export function shortRefName(name: RefName): string {
  return name.replace(/^refs\/(?:heads|tags)\//u, "");
}

export function isOwnRef(name: RefName): boolean {
  return name.startsWith(OWN_PREFIX);
}

export function isForgeRef(name: RefName): boolean {
  return FORGE_PREFIXES.some((prefix) => name.startsWith(prefix));
}
