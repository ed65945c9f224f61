// Writes pkt-lines.

import { decodeText, encodeText } from "../byte-text.ts";

/** Most payload bytes written in one pkt-line: 65520 in all (gitprotocol-common(5)). */
export const MAX_PKT_PAYLOAD_LENGTH = 65516;

/** `0000`, the end of a message. Do not write to it. */
export const FLUSH_PKT: Uint8Array = encodeText("0000");
/** `0001`, the border of v2 sections. Do not write to it. */
export const DELIM_PKT: Uint8Array = encodeText("0001");
/** `0002`, the end of a v2 answer on a stateless connection. Do not write to it. */
export const RESPONSE_END_PKT: Uint8Array = encodeText("0002");

const HEX_DIGITS: Uint8Array = encodeText("0123456789abcdef");

/**
 * One pkt-line around a payload; nothing is added to it, no LF either: gitprotocol-common(5), "pkt-line Format". A new
 * array.
 *
 * Text is UTF-8, with ref names' escaped bytes restored.
 *
 * @throws {RangeError} for a payload over 65516 bytes.
 */
export function encodePktLine(payload: Uint8Array | string): Uint8Array {
  const bytes = typeof payload === "string" ? encodeText(payload) : payload;
  const packet = new Uint8Array(bytes.length + 4);
  writePktLength(packet, 0, bytes.length);
  packet.set(bytes, 4);
  return packet;
}

/** Text of a payload without its final LF, at most one. Bytes that are not UTF-8 are kept as lone surrogates. */
export function textOf(payload: Uint8Array): string {
  return decodeText(payload.at(-1) === 0x0a ? payload.subarray(0, -1) : payload);
}

/** Collects pkt-lines in one growing buffer. Methods return the writer. */
export class PktLineWriter {
  #buffer: Uint8Array = new Uint8Array(1024);
  #length = 0;

  /** Bytes written and not yet taken. */
  get length(): number {
    return this.#length;
  }

  /** Append one pkt-line; no LF is added. @throws {RangeError} over 65516 bytes. */
  line(payload: Uint8Array | string): this {
    const bytes = typeof payload === "string" ? encodeText(payload) : payload;
    this.#reserve(bytes.length + 4);
    writePktLength(this.#buffer, this.#length, bytes.length);
    this.#buffer.set(bytes, this.#length + 4);
    this.#length += bytes.length + 4;
    return this;
  }

  flush(): this {
    return this.raw(FLUSH_PKT);
  }

  delim(): this {
    return this.raw(DELIM_PKT);
  }

  /** Append bytes as they are: finished packets, or a pack. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** What was written so far; the caller owns it, and the writer starts anew. */
  take(): Uint8Array {
    const taken = this.#buffer.subarray(0, this.#length);
    this.#buffer = new Uint8Array(1024);
    this.#length = 0;
    return taken;
  }

  #reserve(length: number): void {
    const needed = this.#length + length;
    if (needed <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}

/** Write the pkt-len of a payload of `payloadLength` bytes at `offset`. */
export function writePktLength(target: Uint8Array, offset: number, payloadLength: number): void {
  if (payloadLength > MAX_PKT_PAYLOAD_LENGTH) {
    throw new RangeError(`Cannot write pkt-line: ${payloadLength} bytes exceed ${MAX_PKT_PAYLOAD_LENGTH}`);
  }
  const value = payloadLength + 4;
  for (let digit = 0; digit < 4; digit += 1) {
    target[offset + digit] = HEX_DIGITS[(value >>> (12 - 4 * digit)) & 15] ?? 0;
  }
}
