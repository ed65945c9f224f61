// Finds pkt-lines in chunks without making an object per packet. The public decoder and the ref parsers are built on it.

import { ProtocolError } from "../errors.ts";
import { HEX_VALUE } from "../hex.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { notGitHint } from "./not-git.ts";

/** The four kinds of pkt-line, gitprotocol-common(5) and gitprotocol-v2(5), "Packet-Line Framing". */
export type PktLineKind = "data" | "flush" | "delim" | "response-end";

/**
 * Receives one packet: its payload is `source[start..end]`, valid until the call returns. Return false to stop.
 * `source` is the fed chunk itself, or an internal buffer when the packet was cut.
 */
export type PacketSink = (kind: PktLineKind, source: Uint8Array, start: number, end: number) => boolean;

/**
 * Read the four pkt-len bytes at `at`.
 *
 * @returns the length (0..2 special, 4.. counting itself), or -1 when they are not four hex digits.
 */
export function readPktLength(bytes: Uint8Array, at: number): number {
  const a = HEX_VALUE[bytes[at] ?? 0] ?? 255;
  const b = HEX_VALUE[bytes[at + 1] ?? 0] ?? 255;
  const c = HEX_VALUE[bytes[at + 2] ?? 0] ?? 255;
  const d = HEX_VALUE[bytes[at + 3] ?? 0] ?? 255;
  return (a | b | c | d) > 15 ? -1 : (a << 12) | (b << 8) | (c << 4) | d;
}

/** The error for a pkt-len that is not one: text where git was due, a bad number, or more than `maxPayload` bytes. */
export function badPktLength(excerpt: Uint8Array, offset: number, maxPayload: number): ProtocolError {
  const options = { phase: "pkt-line", offset, excerpt } as const;
  const length = readPktLength(excerpt, 0);
  if (length === 3)
    return new ProtocolError("PKT_LENGTH_RESERVED", "Cannot read pkt-len: 0003 has no meaning", options);
  if (length >= 0) {
    const most = (maxPayload + 4).toString(16).padStart(4, "0");
    return new ProtocolError("PKT_TOO_LONG", `Cannot read pkt-line: it is longer than ${most}`, options);
  }
  const hint = notGitHint(excerpt);
  return hint === undefined
    ? new ProtocolError("PKT_LENGTH_INVALID", "Cannot read pkt-len: expected four hex digits", options)
    : new ProtocolError("NOT_GIT", `Cannot read pkt-line: ${hint}`, options);
}

/** Cuts a byte stream into pkt-lines, calling a sink for each. Holds at most one packet. */
export class PacketScanner {
  readonly #maxPayload: number;
  /** Bytes of a packet that began in an earlier chunk: its header and what followed. */
  #carry: Uint8Array = new Uint8Array(1024);
  #carryLength = 0;
  #offset = 0;
  #rest: Uint8Array = EMPTY;

  constructor(maxPayload: number = DEFAULT_LIMITS.maxPktPayloadBytes) {
    this.#maxPayload = maxPayload;
  }

  /** Bytes of complete packets seen. */
  get offset(): number {
    return this.#offset;
  }

  /** True when the stream stopped inside a packet. */
  get insidePacket(): boolean {
    return this.#carryLength > 0;
  }

  /** Bytes of the last chunk that came after the packet at which the sink stopped. */
  get rest(): Uint8Array {
    return this.#rest;
  }

  /** Bytes of the packet that is not complete yet. */
  get pending(): Uint8Array {
    return this.#carry.subarray(0, this.#carryLength);
  }

  /** @returns false when the sink stopped. */
  feed(chunk: Uint8Array, sink: PacketSink): boolean {
    this.#rest = EMPTY;
    let position = 0;
    if (this.#carryLength > 0) {
      position = this.#fillCarry(chunk);
      if (position < 0) return true;
      if (!this.#emitCarry(sink)) {
        this.#rest = chunk.subarray(position);
        return false;
      }
    }
    const end = chunk.length;
    while (end - position >= 4) {
      const length = this.#checkLength(chunk, position, end);
      if (length < 4) {
        position += 4;
        this.#offset += 4;
        if (!sink(SPECIAL[length] ?? "flush", chunk, position, position)) return this.#stop(chunk, position);
        continue;
      }
      if (end - position < length) break;
      position += length;
      this.#offset += length;
      if (!sink("data", chunk, position - length + 4, position)) return this.#stop(chunk, position);
    }
    if (position < end) this.#keep(chunk.subarray(position));
    return true;
  }

  #stop(chunk: Uint8Array, position: number): false {
    this.#rest = chunk.subarray(position);
    return false;
  }

  /** Complete the carried packet from `chunk`. @returns bytes taken, or -1 when it is still incomplete. */
  #fillCarry(chunk: Uint8Array): number {
    let taken = 0;
    if (this.#carryLength < 4) {
      taken = Math.min(4 - this.#carryLength, chunk.length);
      this.#keep(chunk.subarray(0, taken));
      if (this.#carryLength < 4) return -1;
    }
    const length = Math.max(4, this.#checkLength(this.#carry, 0, this.#carryLength));
    const missing = Math.min(length - this.#carryLength, chunk.length - taken);
    this.#keep(chunk.subarray(taken, taken + missing));
    return this.#carryLength < length ? -1 : taken + missing;
  }

  #emitCarry(sink: PacketSink): boolean {
    const length = this.#carryLength;
    const value = readPktLength(this.#carry, 0);
    this.#carryLength = 0;
    this.#offset += length;
    return value < 4
      ? sink(SPECIAL[value] ?? "flush", this.#carry, 4, 4)
      : sink("data", this.#carry, 4, length);
  }

  #checkLength(bytes: Uint8Array, at: number, end: number): number {
    const length = readPktLength(bytes, at);
    if (length < 0 || length === 3 || length > this.#maxPayload + 4) {
      throw badPktLength(bytes.subarray(at, Math.min(end, at + 64)), this.#offset, this.#maxPayload);
    }
    return length;
  }

  #keep(bytes: Uint8Array): void {
    const needed = this.#carryLength + bytes.length;
    if (needed > this.#carry.length) {
      const grown = new Uint8Array(Math.max(needed, Math.min(this.#maxPayload + 4, this.#carry.length * 4)));
      grown.set(this.#carry.subarray(0, this.#carryLength));
      this.#carry = grown;
    }
    this.#carry.set(bytes, this.#carryLength);
    this.#carryLength = needed;
  }
}

const EMPTY: Uint8Array = new Uint8Array(0);
const SPECIAL: readonly PktLineKind[] = ["flush", "delim", "response-end"];
