// Equality of what is said in a fetch. Order matters everywhere: it is that of the wire.

import type { BundleList, BundleListEntry, ListedBundle } from "../bundle-uri.ts";
import type { Deepen, FetchRequest } from "../fetch-request.ts";
import type {
  Acknowledgment,
  Acknowledgments,
  FetchResponse,
  PackfileUri,
  ShallowInfo,
  WantedRef,
} from "../fetch-response.ts";
import type { FilterSpec } from "../filter-spec.ts";
import type { NegotiationResult } from "../negotiation-result.ts";
import type { ObjectInfo, ObjectInfoEntry, ObjectInfoRequest } from "../object-info.ts";
import type { SidebandPacket } from "../pkt-line/sideband-packet.ts";
import type { HaveRound, HttpUploadRequest, UploadRequest } from "../upload-request.ts";
import { equalCapabilities } from "./advertisement.ts";
import { equalBytes, equalLists, equalOptional } from "./lists.ts";

/** Same filter; combined ones in the same order. */
export function equalFilterSpecs(left: FilterSpec, right: FilterSpec): boolean {
  switch (left.type) {
    case "blob:none":
      return right.type === "blob:none";
    case "blob:limit":
      return right.type === "blob:limit" && left.bytes === right.bytes;
    case "tree":
      return right.type === "tree" && left.depth === right.depth;
    case "object:type":
      return right.type === "object:type" && left.objectType === right.objectType;
    case "sparse:oid":
      return right.type === "sparse:oid" && left.blob === right.blob;
    case "combine":
      return right.type === "combine" && equalLists(left.filters, right.filters, equalFilterSpecs);
  }
}

/** Same wants, haves and other lists in the same order; a flag left out equals false, a list left out an empty one. */
export function equalFetchRequests(left: FetchRequest, right: FetchRequest): boolean {
  const flags = [
    "done",
    "thinPack",
    "ofsDelta",
    "includeTag",
    "noProgress",
    "waitForDone",
    "sidebandAll",
  ] as const;
  return (
    flags.every((flag) => (left[flag] ?? false) === (right[flag] ?? false)) &&
    equalOptional(left.filter, right.filter, equalFilterSpecs) &&
    equalLists(left.wants, right.wants) &&
    equalLists(left.wantRefs ?? [], right.wantRefs ?? []) &&
    equalLists(left.haves, right.haves) &&
    equalLists(left.shallow ?? [], right.shallow ?? []) &&
    equalLists(left.packfileUris ?? [], right.packfileUris ?? []) &&
    equalOptional(left.deepen, right.deepen, equalDeepen)
  );
}

/** Same wants, capabilities and boundary in the same order, same deepening and filter. */
export function equalUploadRequests(left: UploadRequest, right: UploadRequest): boolean {
  return (
    equalLists(left.wants, right.wants) &&
    equalCapabilities(left.capabilities, right.capabilities) &&
    equalLists(left.shallow, right.shallow) &&
    equalOptional(left.deepen, right.deepen, equalDeepen) &&
    equalOptional(left.filter, right.filter, equalFilterSpecs)
  );
}

/** Same haves in the same order, and the same end. */
export function equalHaveRounds(left: HaveRound, right: HaveRound): boolean {
  return left.done === right.done && equalLists(left.haves, right.haves);
}

/** Same upload-request and same round. */
export function equalHttpUploadRequests(left: HttpUploadRequest, right: HttpUploadRequest): boolean {
  return equalUploadRequests(left, right) && equalHaveRounds(left, right);
}

/** Same acks in the same order, same NAK and ready. */
export function equalAcknowledgments(left: Acknowledgments, right: Acknowledgments): boolean {
  const same = (a: Acknowledgment, b: Acknowledgment): boolean => a.oid === b.oid && a.status === b.status;
  return left.nak === right.nak && left.ready === right.ready && equalLists(left.acks, right.acks, same);
}

/** Same kind, and the same id or message. */
export function equalNegotiationResults(left: NegotiationResult, right: NegotiationResult): boolean {
  switch (left.type) {
    case "nak":
      return right.type === "nak";
    case "ack":
      return right.type === "ack" && left.oid === right.oid;
    case "error":
      return right.type === "error" && left.message === right.message;
  }
}

/** Same boundary changes in the same order. */
export function equalShallowInfo(left: ShallowInfo, right: ShallowInfo): boolean {
  return equalLists(left.shallow, right.shallow) && equalLists(left.unshallow, right.unshallow);
}

/** Same parts, each in the same order; a part left out differs from an empty one, as on the wire. */
export function equalFetchResponses(left: FetchResponse, right: FetchResponse): boolean {
  const sameRef = (a: WantedRef, b: WantedRef): boolean => a.name === b.name && a.oid === b.oid;
  const sameUri = (a: PackfileUri, b: PackfileUri): boolean => a.hash === b.hash && a.uri === b.uri;
  return (
    left.packfile === right.packfile &&
    equalOptional(left.acknowledgments, right.acknowledgments, equalAcknowledgments) &&
    equalOptional(left.shallowInfo, right.shallowInfo, equalShallowInfo) &&
    equalOptional(left.wantedRefs, right.wantedRefs, (a, b) => equalLists(a, b, sameRef)) &&
    equalOptional(left.packfileUris, right.packfileUris, (a, b) => equalLists(a, b, sameUri))
  );
}

/** Same band and same bytes. */
export function equalSidebandPackets(left: SidebandPacket, right: SidebandPacket): boolean {
  return left.band === right.band && equalBytes(left.data, right.data);
}

/** Same objects in the same order, sizes asked for or not. */
export function equalObjectInfoRequests(left: ObjectInfoRequest, right: ObjectInfoRequest): boolean {
  return left.size === right.size && equalLists(left.oids, right.oids);
}

/** Same objects in the same order, with the same sizes. */
export function equalObjectInfos(left: ObjectInfo, right: ObjectInfo): boolean {
  const sizeOf = (entry: ObjectInfoEntry): number | undefined =>
    entry.type === "found" ? entry.size : undefined;
  return (
    left.size === right.size &&
    equalLists(
      left.objects,
      right.objects,
      (a, b) => a.type === b.type && a.oid === b.oid && sizeOf(a) === sizeOf(b),
    )
  );
}

/** Same lines in the same order. */
export function equalBundleListEntries(
  left: readonly BundleListEntry[],
  right: readonly BundleListEntry[],
): boolean {
  return equalLists(left, right, (a, b) => a.key === b.key && a.value === b.value);
}

/** Same mode and heuristic, and the same bundles in the same order, though it means nothing to a client. */
export function equalBundleLists(left: BundleList, right: BundleList): boolean {
  const same = (a: ListedBundle, b: ListedBundle): boolean =>
    a.id === b.id &&
    a.uri === b.uri &&
    a.creationToken === b.creationToken &&
    equalOptional(a.filter, b.filter, equalFilterSpecs);
  return (
    left.mode === right.mode &&
    left.heuristic === right.heuristic &&
    equalLists(left.bundles, right.bundles, same)
  );
}

function equalDeepen(left: Deepen, right: Deepen): boolean {
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
