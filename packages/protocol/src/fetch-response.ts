// What a fetch answer says before the pack: its types and its writers. The decoders are in their own files.

import type { ObjectId } from "./object-id.ts";
import { DELIM_PKT, encodePktLine, FLUSH_PKT, PktLineWriter } from "./pkt-line/pkt-line-encoder.ts";
import type { RefName } from "./ref-name.ts";

/**
 * What the server says about one have.
 *
 * `common` and `ready` belong to multi_ack_detailed, `continue` to multi_ack, `final` to the bare `ACK` that ends
 * a negotiation. v2 knows only `common`.
 */
export type AcknowledgmentStatus = "common" | "continue" | "ready" | "final";

/** One `ACK` line. */
export interface Acknowledgment {
  readonly oid: ObjectId;
  readonly status: AcknowledgmentStatus;
}

/** All that one answer says about our haves. */
export interface Acknowledgments {
  readonly acks: readonly Acknowledgment[];
  /** A `NAK` was among the lines. */
  readonly nak: boolean;
  /** The server knows enough to send the pack. */
  readonly ready: boolean;
}

/** How the shallow boundary moves: gitprotocol-pack(5), "Packfile Negotiation". */
export interface ShallowInfo {
  readonly shallow: readonly ObjectId[];
  readonly unshallow: readonly ObjectId[];
}

/** A line of the `wanted-refs` section. */
export interface WantedRef {
  readonly name: RefName;
  readonly oid: ObjectId;
}

/** A line of the `packfile-uris` section. The URI is the server's word: fetch nothing from it unasked. */
export interface PackfileUri {
  /** Trailer hash of that pack. */
  readonly hash: ObjectId;
  readonly uri: string;
}

/** The v2 sections in the order of gitprotocol-v2(5), "fetch". */
export type FetchSection = "acknowledgments" | "shallow-info" | "wanted-refs" | "packfile-uris" | "packfile";

/** The pkt-line that opens a v2 section. A new array. */
export function encodeSectionHeader(section: FetchSection): Uint8Array {
  return encodePktLine(`${section}\n`);
}

/**
 * The v2 acknowledgments section with its end: a delim-pkt when ready, else the flush-pkt that ends the round.
 * Without acks it says NAK, unless it is ready. A new array.
 */
export function encodeAcknowledgments(round: {
  readonly acks: readonly ObjectId[];
  readonly ready: boolean;
}): Uint8Array {
  const writer = new PktLineWriter().raw(encodeSectionHeader("acknowledgments"));
  if (round.acks.length === 0 && !round.ready) writer.line("NAK\n");
  for (const oid of round.acks) writer.line(`ACK ${oid}\n`);
  if (round.ready) writer.line("ready\n");
  return writer.raw(round.ready ? DELIM_PKT : FLUSH_PKT).take();
}

/**
 * Shallow lines with their end. v2: a section header before and a delim-pkt after; v0 and v1: bare lines and a
 * flush-pkt. A new array.
 */
export function encodeShallowInfo(info: ShallowInfo, options: { readonly version: 0 | 1 | 2 }): Uint8Array {
  const writer = new PktLineWriter();
  if (options.version === 2) writer.raw(encodeSectionHeader("shallow-info"));
  for (const oid of info.shallow) writer.line(`shallow ${oid}`);
  for (const oid of info.unshallow) writer.line(`unshallow ${oid}`);
  return writer.raw(options.version === 2 ? DELIM_PKT : FLUSH_PKT).take();
}

/** The v2 wanted-refs section with its delim-pkt. A new array. */
export function encodeWantedRefs(refs: readonly WantedRef[]): Uint8Array {
  const writer = new PktLineWriter().raw(encodeSectionHeader("wanted-refs"));
  for (const ref of refs) writer.line(`${ref.oid} ${ref.name}\n`);
  return writer.delim().take();
}

/** The v2 packfile-uris section with its delim-pkt. A new array. */
export function encodePackfileUris(uris: readonly PackfileUri[]): Uint8Array {
  const writer = new PktLineWriter().raw(encodeSectionHeader("packfile-uris"));
  for (const { hash, uri } of uris) writer.line(`${hash} ${uri}\n`);
  return writer.delim().take();
}

/** v0 and v1: `NAK`. A new array. */
export function encodeNak(): Uint8Array {
  return encodePktLine("NAK\n");
}

/** v0 and v1: one `ACK` line. A new array. */
export function encodeAck(acknowledgment: Acknowledgment): Uint8Array {
  const { oid, status } = acknowledgment;
  return encodePktLine(status === "final" ? `ACK ${oid}\n` : `ACK ${oid} ${status}\n`);
}
