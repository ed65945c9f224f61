// Writes fetch answers up to their pack. Server side.

import type {
  Acknowledgment,
  Acknowledgments,
  FetchResponse,
  FetchSection,
  PackfileUri,
  ShallowInfo,
  WantedRef,
} from "./fetch-response.ts";
import { PktLineDecoder } from "./pkt-line/pkt-line-decoder.ts";
import {
  DELIM_PKT,
  encodePktLine,
  FLUSH_PKT,
  PktLineWriter,
  RESPONSE_END_PKT,
} from "./pkt-line/pkt-line-encoder.ts";
import { encodeSidebandPacket } from "./pkt-line/sideband-packet.ts";

/** Which wire form of an answer to write. */
export interface FetchResponseEncoding {
  readonly version: 0 | 1 | 2;
  /** v2: the client asked for `sideband-all`. Default: false. */
  readonly sidebandAll?: boolean;
}

/**
 * An answer up to its pack, with the v2 section header of the pack: gitprotocol-v2(5), "fetch"; gitprotocol-pack(5),
 * "Packfile Negotiation". A new array. Side-band packets follow, or in v0 and v1 without side-band the bare pack.
 *
 * @throws {TypeError} for what v2 cannot say: `ready` without the pack, or the pack after acknowledgments without it.
 */
export function encodeFetchResponse(response: FetchResponse, encoding: FetchResponseEncoding): Uint8Array {
  const { acknowledgments, shallowInfo, wantedRefs, packfileUris, packfile } = response;
  const writer = new PktLineWriter();
  if (encoding.version !== 2) {
    if (shallowInfo !== undefined) writer.raw(encodeShallowInfo(shallowInfo, encoding));
    if (acknowledgments !== undefined) writer.raw(encodeAcknowledgments(acknowledgments, encoding));
    return writer.take();
  }
  if (acknowledgments !== undefined) {
    if (acknowledgments.ready !== packfile) {
      throw new TypeError("Cannot write fetch response: ready and the pack go together");
    }
    writer.raw(encodeAcknowledgments(acknowledgments, encoding));
  }
  // The order of the document: git's upload-pack has it the other way round, which git's client does not understand.
  if (shallowInfo !== undefined) writer.raw(encodeShallowInfo(shallowInfo, encoding));
  if (wantedRefs !== undefined) writer.raw(encodeWantedRefs(wantedRefs));
  if (packfileUris !== undefined) writer.raw(encodePackfileUris(packfileUris));
  if (packfile) writer.raw(encodeSectionHeader("packfile"));
  return encoding.sidebandAll === true ? encodeSidebandAll(writer.take()) : writer.take();
}

/** The pkt-line that opens a v2 section: gitprotocol-v2(5), "fetch". A new array. */
export function encodeSectionHeader(section: FetchSection): Uint8Array {
  return encodePktLine(`${section}\n`);
}

/**
 * What is said about a round's haves: gitprotocol-v2(5), "fetch"; gitprotocol-pack(5), "Packfile Negotiation". A new
 * array.
 *
 * v2: the section with its end, a delim-pkt when ready, else the flush-pkt that ends the round. v0 and v1: bare lines,
 * `final` ones behind the `NAK`.
 */
export function encodeAcknowledgments(
  round: Acknowledgments,
  options: { readonly version: 0 | 1 | 2 },
): Uint8Array {
  const writer = new PktLineWriter();
  if (options.version === 2) {
    writer.raw(encodeSectionHeader("acknowledgments"));
    if (round.nak) writer.line("NAK\n");
    for (const { oid } of round.acks) writer.line(`ACK ${oid}\n`);
    if (round.ready) writer.line("ready\n");
    return writer.raw(round.ready ? DELIM_PKT : FLUSH_PKT).take();
  }
  for (const ack of round.acks) if (ack.status !== "final") writer.raw(encodeAck(ack));
  if (round.nak) writer.raw(encodeNak());
  for (const ack of round.acks) if (ack.status === "final") writer.raw(encodeAck(ack));
  return writer.take();
}

/**
 * Shallow lines with their end: gitprotocol-v2(5), "fetch"; gitprotocol-pack(5), "Packfile Negotiation". v2: a section
 * header before and a delim-pkt after; v0 and v1: bare lines and a flush-pkt. Without LF, as git writes them. A new
 * array.
 */
export function encodeShallowInfo(info: ShallowInfo, options: { readonly version: 0 | 1 | 2 }): Uint8Array {
  const writer = new PktLineWriter();
  if (options.version === 2) writer.raw(encodeSectionHeader("shallow-info"));
  for (const oid of info.shallow) writer.line(`shallow ${oid}`);
  for (const oid of info.unshallow) writer.line(`unshallow ${oid}`);
  return writer.raw(options.version === 2 ? DELIM_PKT : FLUSH_PKT).take();
}

/** The v2 wanted-refs section with its delim-pkt: gitprotocol-v2(5), "fetch". A new array. */
export function encodeWantedRefs(refs: readonly WantedRef[]): Uint8Array {
  const writer = new PktLineWriter().raw(encodeSectionHeader("wanted-refs"));
  for (const ref of refs) writer.line(`${ref.oid} ${ref.name}\n`);
  return writer.delim().take();
}

/** The v2 packfile-uris section with its delim-pkt: gitprotocol-v2(5), "fetch". A new array. */
export function encodePackfileUris(uris: readonly PackfileUri[]): Uint8Array {
  const writer = new PktLineWriter().raw(encodeSectionHeader("packfile-uris"));
  for (const { hash, uri } of uris) writer.line(`${hash} ${uri}\n`);
  return writer.delim().take();
}

/** v0 and v1: `NAK`. Source: gitprotocol-pack(5), "Packfile Negotiation". A new array. */
export function encodeNak(): Uint8Array {
  return encodePktLine("NAK\n");
}

/** v0 and v1: one `ACK` line. Source: gitprotocol-pack(5), "Packfile Negotiation". A new array. */
export function encodeAck(acknowledgment: Acknowledgment): Uint8Array {
  const { oid, status } = acknowledgment;
  return encodePktLine(status === "final" ? `ACK ${oid}\n` : `ACK ${oid} ${status}\n`);
}

const SPECIAL = { flush: FLUSH_PKT, delim: DELIM_PKT, "response-end": RESPONSE_END_PKT } as const;

/**
 * The packets of `packets` under `sideband-all`: gitprotocol-v2(5), "fetch". Each gets band 1; delim-pkts and flush-pkts
 * stay bare. A new array. Not for the pack, whose packets have bands anyway.
 */
export function encodeSidebandAll(packets: Uint8Array): Uint8Array {
  const writer = new PktLineWriter();
  const decoder = new PktLineDecoder();
  decoder.feed(packets, (kind, payload) => {
    writer.raw(kind === "data" ? encodeSidebandPacket({ band: "pack", data: payload }) : SPECIAL[kind]);
  });
  decoder.finish();
  return writer.take();
}
