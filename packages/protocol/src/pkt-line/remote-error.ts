// What a remote says when it gives up: an `ERR` packet, or band 3.

import { ProtocolError, type ProtocolPhase } from "../errors.ts";
import type { ProtocolLimits } from "../limits.ts";
import { sanitizeText } from "../sanitize-text.ts";

/** True when the payload `source[start..end]` is `ERR <text>`. */
export function isErrPacket(source: Uint8Array, start: number, end: number): boolean {
  return (
    end - start >= 4 &&
    source[start] === 0x45 &&
    source[start + 1] === 0x52 &&
    source[start + 2] === 0x52 &&
    source[start + 3] === 0x20
  );
}

/**
 * Throw if a payload is an error of the remote: gitprotocol-pack(5), "pkt-line Format", allows one in place of any packet.
 *
 * @throws {ProtocolError} `REMOTE_ERROR`.
 */
export function throwIfErrPacket(
  source: Uint8Array,
  start: number,
  end: number,
  phase: ProtocolPhase,
  limits: ProtocolLimits,
): void {
  if (isErrPacket(source, start, end)) throw remoteError(source.subarray(start + 4, end), phase, limits);
}

/** The error for what a remote said; one trailing LF is cut, control characters are escaped. */
export function remoteError(text: Uint8Array, phase: ProtocolPhase, limits: ProtocolLimits): ProtocolError {
  const trimmed = text.at(-1) === 0x0a ? text.subarray(0, -1) : text;
  const message = sanitizeText(trimmed, { maxLength: limits.maxRemoteMessageLength, keepNewlines: true });
  return new ProtocolError("REMOTE_ERROR", `Remote reported an error: ${message.split("\n", 1)[0] ?? ""}`, {
    phase,
    details: { message },
  });
}
