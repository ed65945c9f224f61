// Which refs, and what about them, an ls-refs command asks for. Server side.

import type { AdvertisedRef } from "../advertisement.ts";
import type { LsRefsRequest } from "../ls-refs-request.ts";

/** More prefixes than this are taken for none at all, as git does: the list would cost more than it saves. */
const MAX_PREFIXES = 65_536;

/**
 * The refs that answer an ls-refs command: gitprotocol-v2(5), "ls-refs". Those with a wanted prefix, in the order
 * given, without the peeled ids and symref targets that were not asked for.
 */
export function selectRefs(refs: Iterable<AdvertisedRef>, request: LsRefsRequest): AdvertisedRef[] {
  const isWanted = prefixMatcher(request.prefixes);
  const selected: AdvertisedRef[] = [];
  for (const ref of refs) {
    if (!isWanted(ref.name)) continue;
    const { name, oid, peeled, symrefTarget } = ref;
    selected.push({
      name,
      oid,
      ...(request.peel === true && peeled !== undefined ? { peeled } : {}),
      ...(request.symrefs === true && symrefTarget !== undefined ? { symrefTarget } : {}),
    });
  }
  return selected;
}

/** Whether an ls-refs command wants to hear of a HEAD that leads to no object. */
export function wantsUnbornHead(request: LsRefsRequest): boolean {
  return request.unborn === true && request.symrefs === true && prefixMatcher(request.prefixes)("HEAD");
}

/** Tells whether a name has one of the prefixes: a binary search, since a client may send tens of thousands. */
function prefixMatcher(prefixes: readonly string[]): (name: string) => boolean {
  if (prefixes.length === 0 || prefixes.length >= MAX_PREFIXES) return () => true;
  const sorted: string[] = [];
  for (const prefix of prefixes.toSorted()) {
    // A longer prefix adds nothing to the shorter one in front of it, and would hide it from the search.
    if (sorted.length === 0 || !prefix.startsWith(sorted.at(-1) ?? "")) sorted.push(prefix);
  }
  return (name) => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sorted[middle] ?? "") <= name) low = middle + 1;
      else high = middle;
    }
    const candidate = sorted[low - 1];
    return candidate !== undefined && name.startsWith(candidate);
  };
}
