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
/** A minute as the target's host counts it: a push that waited for its connection arrives later than it was let go. */
export const PUSH_WINDOW_MS = 61_000;

/** What the stores know by name: a host, or one credential at it. No host has an `@` in its name. */
const AT = "@";

/** The name of a host, or of one credential there. */
export function partyName(host: string, credential: string | undefined): string {
  return credential === undefined ? host : `${credential}${AT}${host}`;
}

/** What a name stands for. */
export function partyOf(name: string): { readonly host: string; readonly credential?: string } {
  const at = name.lastIndexOf(AT);
  return at === -1 ? { host: name } : { host: name.slice(at + 1), credential: name.slice(0, at) };
}

/** The hosts that a route uses, and its credentials there, each once, the target's host last; none for local paths. */
export function hostsOf(route: RouteDefinition): readonly string[] {
  const { source, target, sourceCredential, targetCredential } = route;
  const [from, to] = [nameOf(source.url), nameOf(target.url)];
  const credentials = [
    ...(sourceCredential === undefined || from === "" ? [] : [partyName(from, sourceCredential)]),
    ...(targetCredential === undefined || to === "" ? [] : [partyName(to, targetCredential)]),
  ];
  const hosts = [from === to ? "" : from, to].filter((host) => host !== "");
  return [...new Set([...credentials, ...hosts])];
}

/** An address that is none fails in its run, which says so. */
function nameOf(url: string): string {
  return URL.canParse(url) || /^[^/:]+:/u.test(url) ? hostOf(url) : "";
}
