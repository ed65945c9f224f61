/** When each of many routes is looked at, so that no host has to answer too often. */

import { hostOf } from "@gitsync/jobs";
import type { NextLook } from "@gitsync/producer";

/** Between two looks at a host, as source or as target. */
const PACE_MS = 500;

export interface RouteToLookAt {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly lastChangeAt: number | undefined;
}

/**
 * A time for each route, the earliest first. Those that changed last come first: a hint that was forgotten is most
 * likely one of theirs.
 */
export function spreadLooks(routes: readonly RouteToLookAt[], from: number): readonly NextLook[] {
  const free = new Map<string, number>();
  const looks = routes
    .toSorted((a, b) => (b.lastChangeAt ?? 0) - (a.lastChangeAt ?? 0))
    .map(({ id, source, target }): NextLook => {
      const hosts = [nameOf(source), nameOf(target)];
      const at = Math.max(...hosts.map((host) => free.get(host) ?? from));
      for (const host of hosts) free.set(host, at + PACE_MS);
      return { route: id, at };
    });
  return looks.toSorted((a, b) => a.at - b.at);
}

/** Local paths are one host. */
function nameOf(address: string): string {
  return URL.canParse(address) || /^[^/:]+:/u.test(address) ? hostOf(address) : "";
}
