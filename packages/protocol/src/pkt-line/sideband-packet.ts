// One side-band packet as a value. Packs do not pass through here: SidebandDecoder hands them on without assembling packets.

import { ProtocolError } from "../errors.ts";
import { MAX_PKT_PAYLOAD_LENGTH, encodePktLine } from "./pkt-line-encoder.ts";
import type { SidebandChannel } from "./sideband-encoder.ts";

/** A packet of side-band: gitprotocol-pack(5), "Packfile Data". Without data it is a keepalive. */
export interface SidebandPacket {
  readonly band: SidebandChannel;
  readonly data: Uint8Array;
}

const BANDS: readonly (SidebandChannel | undefined)[] = [undefined, "pack", "progress", "error"];

/**
 * Read the payload of a packet: gitprotocol-pack(5), "Packfile Data". `data` is a view of it.
 *
 * @throws {ProtocolError} `SIDEBAND_INVALID` for a band other than 1, 2 and 3, or none.
 */
export function decodeSidebandPacket(payload: Uint8Array): SidebandPacket {
  const band = BANDS[payload[0] ?? 0];
  if (band !== undefined) return { band, data: payload.subarray(1) };
  throw new ProtocolError("SIDEBAND_INVALID", "Cannot read side-band packet: expected band 1, 2 or 3", {
    phase: "side-band",
    excerpt: payload,
  });
}

/**
 * One packet, of exactly this data: gitprotocol-pack(5), "Packfile Data". A new array. To cut data into packets of the
 * agreed size use `SidebandEncoder`.
 *
 * @throws {RangeError} for more than 65515 bytes.
 */
export function encodeSidebandPacket(packet: SidebandPacket): Uint8Array {
  if (packet.data.length >= MAX_PKT_PAYLOAD_LENGTH) {
    throw new RangeError(`Cannot write side-band packet: ${packet.data.length} bytes exceed 65515`);
  }
  const payload = new Uint8Array(packet.data.length + 1);
  payload[0] = BANDS.indexOf(packet.band);
  payload.set(packet.data, 1);
  return encodePktLine(payload);
}
