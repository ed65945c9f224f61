// Equality of what servers say first and of listings. Order matters everywhere: it is that of the wire.

import type { AdvertisedRef, Advertisement } from "../advertisement.ts";
import type { Capability, CapabilityList } from "../capabilities.ts";
import type { LsRefsResult } from "../ls-refs.ts";
import type { LsRefsRequest } from "../ls-refs-request.ts";
import type { V2Command } from "../v2-command.ts";
import { equalLists } from "./lists.ts";

/** Same capabilities in the same order; one without a value differs from one with an empty value. */
export function equalCapabilities(left: CapabilityList, right: CapabilityList): boolean {
  const same = (a: Capability, b: Capability): boolean => a.name === b.name && a.value === b.value;
  return equalLists(left.entries(), right.entries(), same);
}

/** Same name, id, peeled id and symref target. */
export function equalAdvertisedRefs(left: AdvertisedRef, right: AdvertisedRef): boolean {
  return (
    left.name === right.name &&
    left.oid === right.oid &&
    left.peeled === right.peeled &&
    left.symrefTarget === right.symrefTarget
  );
}

/** Same version, format, capabilities and, for v0 and v1, refs, shallow boundary and alternates, in the same order. */
export function equalAdvertisements(left: Advertisement, right: Advertisement): boolean {
  if (left.objectFormat !== right.objectFormat || !equalCapabilities(left.capabilities, right.capabilities))
    return false;
  if (left.version === 2 || right.version === 2) return left.version === right.version;
  return (
    left.version === right.version &&
    left.head?.oid === right.head?.oid &&
    equalLists(left.refs, right.refs, equalAdvertisedRefs) &&
    equalLists(left.shallow, right.shallow) &&
    equalLists(left.alternateTips, right.alternateTips) &&
    equalLists(left.invalidNames, right.invalidNames)
  );
}

/** Same command, capabilities and arguments, the last two in the same order. */
export function equalV2Commands(left: V2Command, right: V2Command): boolean {
  return (
    left.command === right.command &&
    equalCapabilities(left.capabilities, right.capabilities) &&
    equalLists(left.args, right.args)
  );
}

/** Same flags, where one left out equals false, and the same prefixes in the same order. */
export function equalLsRefsRequests(left: LsRefsRequest, right: LsRefsRequest): boolean {
  const flags = ["peel", "symrefs", "unborn"] as const;
  return (
    flags.every((flag) => (left[flag] ?? false) === (right[flag] ?? false)) &&
    equalLists(left.prefixes, right.prefixes)
  );
}

/** Same refs and refused names in the same order, and the same unborn HEAD. */
export function equalLsRefsResults(left: LsRefsResult, right: LsRefsResult): boolean {
  return (
    left.unbornHead === right.unbornHead &&
    equalLists(left.refs, right.refs, equalAdvertisedRefs) &&
    equalLists(left.invalidNames, right.invalidNames)
  );
}
