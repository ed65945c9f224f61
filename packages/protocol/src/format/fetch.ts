// What is said in a fetch, as text for traces and test names. Lines, no final LF; nothing is parsed back.

import { type BundleList, bundleListEntries, type BundleListEntry } from "../bundle-uri.ts";
import type { Deepen, FetchRequest } from "../fetch-request.ts";
import type { Acknowledgments, FetchResponse, ShallowInfo } from "../fetch-response.ts";
import { type FilterSpec, encodeFilterSpec } from "../filter-spec.ts";
import type { NegotiationResult } from "../negotiation-result.ts";
import type { ObjectInfo, ObjectInfoRequest } from "../object-info.ts";
import type { SidebandPacket } from "../pkt-line/sideband-packet.ts";
import { formatRefName } from "../ref-name-format.ts";
import { sanitizeText } from "../sanitize-text.ts";
import type { HaveRound, HttpUploadRequest, UploadRequest } from "../upload-request.ts";
import { formatCapabilities } from "./advertisement.ts";
import { lines, shown } from "./line.ts";

/** Wants, boundary, filter, options and haves, a line each, then `done`. */
export function formatFetchRequest(request: FetchRequest): string {
  const flags = (
    ["thinPack", "ofsDelta", "includeTag", "noProgress", "waitForDone", "sidebandAll"] as const
  ).filter((flag) => request[flag] === true);
  const { packfileUris = [] } = request;
  return lines(
    request.wants.map((oid) => `want ${oid}`),
    (request.wantRefs ?? []).map((name) => `want-ref ${formatRefName(name)}`),
    boundaryLines(request),
    packfileUris.length === 0 ? undefined : `packfile-uris ${shown(packfileUris.join(","))}`,
    flags.length === 0 ? undefined : `options ${flags.join(" ")}`,
    formatHaveRound(request),
  );
}

/** Wants, capabilities, boundary and filter, a line each; a goodbye is `flush`. */
export function formatUploadRequest(request: UploadRequest): string {
  const { wants, capabilities } = request;
  if (wants.length === 0) return "flush";
  return lines(
    wants.map((oid) => `want ${oid}`),
    capabilities.size === 0 ? undefined : `capabilities ${formatCapabilities(capabilities)}`,
    boundaryLines(request),
  );
}

/** `have oid` a line, then `done` if it is said. */
export function formatHaveRound(round: HaveRound): string {
  return lines(
    round.haves.map((oid) => `have ${oid}`),
    round.done ? "done" : undefined,
  );
}

/** The upload-request, then the round. */
export function formatHttpUploadRequest(request: HttpUploadRequest): string {
  return lines(formatUploadRequest(request), formatHaveRound(request));
}

/** `ACK oid status`, `NAK`, `ready`, a line each. */
export function formatAcknowledgments(round: Acknowledgments): string {
  return lines(
    round.acks.map(({ oid, status }) => `ACK ${oid} ${status}`),
    round.nak ? "NAK" : undefined,
    round.ready ? "ready" : undefined,
  );
}

/** `NAK`, `ACK oid` or `ERR message`. */
export function formatNegotiationResult(result: NegotiationResult): string {
  switch (result.type) {
    case "nak":
      return "NAK";
    case "ack":
      return `ACK ${result.oid}`;
    case "error":
      return `ERR ${shown(result.message)}`;
  }
}

/** `shallow oid` and `unshallow oid`, a line each. */
export function formatShallowInfo(info: ShallowInfo): string {
  return lines(
    info.shallow.map((oid) => `shallow ${oid}`),
    info.unshallow.map((oid) => `unshallow ${oid}`),
  );
}

/** Each part that was there under its name, then `packfile` if the pack follows. */
export function formatFetchResponse(response: FetchResponse): string {
  const { acknowledgments, shallowInfo, wantedRefs, packfileUris } = response;
  return lines(
    acknowledgments === undefined ? undefined : ["acknowledgments", formatAcknowledgments(acknowledgments)],
    shallowInfo === undefined ? undefined : ["shallow-info", formatShallowInfo(shallowInfo)],
    wantedRefs?.map(({ name, oid }) => `wanted ${oid} ${formatRefName(name)}`),
    packfileUris?.map(({ hash, uri }) => `packfile-uri ${hash} ${shown(uri)}`),
    response.packfile ? "packfile" : undefined,
  );
}

/** Band and length, with the text of all bands but the pack's. */
export function formatSidebandPacket({ band, data }: SidebandPacket): string {
  const head = `${band} ${data.length} bytes`;
  return band === "pack" || data.length === 0 ? head : `${head}: ${sanitizeText(data, { maxLength: 200 })}`;
}

/** The spec as it is sent, made safe to print. */
export function formatFilterSpec(filter: FilterSpec): string {
  return shown(encodeFilterSpec(filter));
}

/** `object-info`, with `size` if it is asked for, then `oid id` a line. */
export function formatObjectInfoRequest(request: ObjectInfoRequest): string {
  return lines(
    request.size ? "object-info size" : "object-info",
    request.oids.map((oid) => `oid ${oid}`),
  );
}

/** `oid size`, `oid` or `oid missing`, a line each. */
export function formatObjectInfo(info: ObjectInfo): string {
  return lines(
    info.objects.map((entry) => {
      if (entry.type === "missing") return `${entry.oid} missing`;
      return entry.size === undefined ? entry.oid : `${entry.oid} ${entry.size}`;
    }),
  );
}

/** The entries of the list, a line each. */
export function formatBundleList(list: BundleList): string {
  return formatBundleListEntries(bundleListEntries(list));
}

/** `key=value`, a line each. */
export function formatBundleListEntries(entries: readonly BundleListEntry[]): string {
  return lines(entries.map(({ key, value }) => shown(`${key}=${value}`)));
}

function boundaryLines(request: {
  readonly shallow?: readonly string[];
  readonly deepen?: Deepen;
  readonly filter?: FilterSpec;
}): string[] {
  const { shallow = [], deepen, filter } = request;
  const cut =
    deepen?.type === "depth"
      ? [`deepen ${deepen.depth}${deepen.relative === true ? " relative" : ""}`]
      : [
          ...(deepen?.since === undefined ? [] : [`deepen-since ${deepen.since}`]),
          ...(deepen?.not ?? []).map((ref) => `deepen-not ${shown(ref)}`),
        ];
  return [
    ...shallow.map((oid) => `shallow ${oid}`),
    ...cut,
    ...(filter === undefined ? [] : [`filter ${formatFilterSpec(filter)}`]),
  ];
}
