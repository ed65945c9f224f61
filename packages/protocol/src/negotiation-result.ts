// How a v0 or v1 negotiation ended: what upload-pack says after `done`, right before the pack.

import { ProtocolError } from "./errors.ts";
import type { Acknowledgments } from "./fetch-response.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { isObjectId, type ObjectId } from "./object-id.ts";
import { encodePktLine, textOf } from "./pkt-line/pkt-line-encoder.ts";
import { isErrPacket } from "./pkt-line/remote-error.ts";
import { sanitizeText } from "./sanitize-text.ts";

/**
 * The answer to `done`: gitprotocol-pack(5), "Packfile Negotiation".
 *
 * `ack` names the last common object, `nak` says that there was none, `error` comes in place of either and no pack follows.
 */
export type NegotiationResult =
  | { readonly type: "nak" }
  | { readonly type: "ack"; readonly oid: ObjectId }
  | { readonly type: "error"; /** Sanitised when decoded. */ readonly message: string };

/**
 * The result as one pkt-line: gitprotocol-pack(5), "Packfile Negotiation". A new array.
 *
 * An error is written as git does, without LF.
 */
export function encodeNegotiationResult(result: NegotiationResult): Uint8Array {
  switch (result.type) {
    case "nak":
      return encodePktLine("NAK\n");
    case "ack":
      return encodePktLine(`ACK ${result.oid}\n`);
    case "error":
      return encodePktLine(`ERR ${result.message}`);
  }
}

/**
 * Read the payload of the packet that answers `done`: gitprotocol-pack(5), "Packfile Negotiation".
 *
 * @throws {ProtocolError} `ACK_INVALID` when it is none of the three.
 */
export function decodeNegotiationResult(payload: Uint8Array): NegotiationResult {
  if (isErrPacket(payload, 0, payload.length)) {
    const options = { maxLength: DEFAULT_LIMITS.maxRemoteMessageLength, keepNewlines: true };
    // LFs at its end are no part of a message: written again, one of them would end the line.
    return { type: "error", message: sanitizeText(textOf(payload.subarray(4)).replace(/\n+$/, ""), options) };
  }
  const line = textOf(payload);
  if (line === "NAK") return { type: "nak" };
  const oid = line.startsWith("ACK ") ? line.slice(4).toLowerCase() : "";
  if (isObjectId(oid)) return { type: "ack", oid };
  throw new ProtocolError("ACK_INVALID", "Cannot read negotiation result: expected ACK, NAK or ERR", {
    phase: "fetch-response",
    excerpt: payload,
  });
}

/** How a round that ended in `done`, or in no-done's pack, came out; undefined while it is open. */
export function negotiationResultOf(round: Acknowledgments): NegotiationResult | undefined {
  const last = round.acks.findLast(({ status }) => status === "final");
  if (last !== undefined) return { type: "ack", oid: last.oid };
  return round.nak ? { type: "nak" } : undefined;
}
