// Equality of messages. Everything is compared in order: refs, capabilities, commands and acks as they are on the wire.

import type { AdvertisedRef, Advertisement } from "./advertisement.ts";
import type { CapabilityList } from "./capabilities.ts";
import type { Deepen, FetchRequest } from "./fetch-request.ts";
import type { Acknowledgment, Acknowledgments, ShallowInfo } from "./fetch-response.ts";
import type { CommandStatus, RefReport, ReportStatus } from "./report-status.ts";
import type { RefUpdateCommand } from "./update-request.ts";

/** Same capabilities in the same order. */
export function equalCapabilities(left: CapabilityList, right: CapabilityList): boolean {
  return equalLists(left.entries(), right.entries(), (a, b) => a.name === b.name && a.value === b.value);
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

/** Same version, format, capabilities and, for v0 and v1, refs, shallow boundary and alternates. */
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

/** Same request; a flag left out equals false, a list left out equals an empty one. */
export function equalFetchRequests(left: FetchRequest, right: FetchRequest): boolean {
  const flags = ["done", "thinPack", "ofsDelta", "includeTag", "noProgress", "waitForDone"] as const;
  return (
    flags.every((flag) => (left[flag] ?? false) === (right[flag] ?? false)) &&
    left.filter === right.filter &&
    equalLists(left.wants, right.wants) &&
    equalLists(left.wantRefs ?? [], right.wantRefs ?? []) &&
    equalLists(left.haves, right.haves) &&
    equalLists(left.shallow ?? [], right.shallow ?? []) &&
    equalDeepen(left.deepen, right.deepen)
  );
}

/** Same acks in the same order, same NAK and ready. */
export function equalAcknowledgments(left: Acknowledgments, right: Acknowledgments): boolean {
  const same = (a: Acknowledgment, b: Acknowledgment): boolean => a.oid === b.oid && a.status === b.status;
  return left.nak === right.nak && left.ready === right.ready && equalLists(left.acks, right.acks, same);
}

/** Same boundary changes in the same order. */
export function equalShallowInfo(left: ShallowInfo, right: ShallowInfo): boolean {
  return equalLists(left.shallow, right.shallow) && equalLists(left.unshallow, right.unshallow);
}

/** Same kind, ref and ids. */
export function equalRefUpdateCommands(left: RefUpdateCommand, right: RefUpdateCommand): boolean {
  if (left.ref !== right.ref) return false;
  if (left.type === "create") return right.type === "create" && left.newId === right.newId;
  if (left.type === "delete") return right.type === "delete" && left.oldId === right.oldId;
  return right.type === "update" && left.oldId === right.oldId && left.newId === right.newId;
}

/** Same unpack status, and the same command statuses in the same order. */
export function equalReportStatuses(left: ReportStatus, right: ReportStatus): boolean {
  const sameUnpack = left.unpack.ok
    ? right.unpack.ok
    : !right.unpack.ok && left.unpack.error === right.unpack.error;
  return sameUnpack && equalLists(left.commands, right.commands, equalCommandStatuses);
}

function equalCommandStatuses(left: CommandStatus, right: CommandStatus): boolean {
  if (left.ref !== right.ref) return false;
  if (left.type === "ng") return right.type === "ng" && left.reason === right.reason;
  return right.type === "ok" && equalRefReports(left.options, right.options);
}

function equalRefReports(left: RefReport, right: RefReport): boolean {
  return (
    left.refName === right.refName &&
    left.oldId === right.oldId &&
    left.newId === right.newId &&
    (left.forcedUpdate ?? false) === (right.forcedUpdate ?? false)
  );
}

function equalDeepen(left: Deepen | undefined, right: Deepen | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  if (left.type === "depth") {
    return (
      right.type === "depth" &&
      left.depth === right.depth &&
      (left.relative ?? false) === (right.relative ?? false)
    );
  }
  return (
    right.type === "boundary" && left.since === right.since && equalLists(left.not ?? [], right.not ?? [])
  );
}

function equalLists<Item>(
  left: readonly Item[],
  right: readonly Item[],
  equal: (a: Item, b: Item) => boolean = (a, b) => a === b,
): boolean {
  return (
    left.length === right.length &&
    left.every((item, index) => {
      const other = right[index];
      return other !== undefined && equal(item, other);
    })
  );
}
