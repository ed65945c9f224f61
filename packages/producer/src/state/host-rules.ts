/** The rules of hosts, so that both stores agree. */

import { hostOf, type RouteDefinition } from "@gitsync/jobs";

/** Failures in a row after which a host is left alone. */
export const FAILURES_TO_OPEN = 5;
/** How long it is left alone first; each further failure doubles it. */
export const FIRST_PAUSE_MS = 30_000;
export const LONGEST_PAUSE_MS: number = 15 * 60_000;
/** While one run tries whether the host is back, the others wait at most this long. */
export const PROBE_MS = 60_000;
/** How long a run waits for a host that is used to its limit. */
export const FULL_MS = 1_000;
export const MINUTE_MS = 60_000;

/** The hosts that a route uses, each once; none for local paths. */
export function hostsOf({ source, target }: RouteDefinition): readonly string[] {
  return [...new Set([nameOf(source.url), nameOf(target.url)])].filter((host) => host !== "");
}

/** An address that is none fails in its run, which says so. */
function nameOf(url: string): string {
  return URL.canParse(url) || /^[^/:]+:/u.test(url) ? hostOf(url) : "";
}
