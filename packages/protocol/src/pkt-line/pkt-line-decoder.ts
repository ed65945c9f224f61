// The pkt-line decoder: bytes in, packets out.

import { ProtocolError } from "../errors.ts";
import { type ProtocolLimits, resolveLimits } from "../limits.ts";
import { PacketScanner, type PktLineKind } from "./packet-scanner.ts";

/**
 * Receives one packet. `payload` is a view, valid until the next `feed`: copy what must live longer. It is empty
 * for all kinds but `data`. Return `false` to stop after this packet.
 */
export type PktLineHandler = (kind: PktLineKind, payload: Uint8Array) => boolean | void;

/**
 * Cuts a byte stream into pkt-lines: gitprotocol-common(5), "pkt-line Format".
 *
 * Payloads are views of the fed chunk, or of one internal buffer when a packet was cut. Holds at most one packet.
 * Knows nothing about what payloads mean: `ERR` packets are the grammars' business.
 */
export class PktLineDecoder {
  readonly #scanner: PacketScanner;

  constructor(limits?: Partial<ProtocolLimits>) {
    this.#scanner = new PacketScanner(resolveLimits(limits).maxPktPayloadBytes);
  }

  /** Bytes of complete packets so far. */
  get offset(): number {
    return this.#scanner.offset;
  }

  /**
   * Decode a chunk of any size.
   *
   * @returns false when the handler stopped; what it did not see is then in {@link rest}.
   * @throws {ProtocolError} `PKT_LENGTH_INVALID` for a pkt-len that is not 4 hex digits, `NOT_GIT` when it is text,
   * `PKT_LENGTH_RESERVED` for 0003, `PKT_TOO_LONG`.
   */
  feed(chunk: Uint8Array, handler: PktLineHandler): boolean {
    return this.#scanner.feed(
      chunk,
      (kind, source, start, end) => handler(kind, source.subarray(start, end)) !== false,
    );
  }

  /** After a stop: the bytes of the last chunk behind the packet that stopped it. A view. */
  rest(): Uint8Array {
    return this.#scanner.rest;
  }

  /**
   * Declare the end of the stream.
   *
   * @throws {ProtocolError} `PKT_TRUNCATED` inside a packet.
   */
  finish(): void {
    throwIfInsidePacket(this.#scanner);
  }
}

/** The end of a stream inside a packet is an error wherever it happens. */
export function throwIfInsidePacket(scanner: PacketScanner): void {
  if (!scanner.insidePacket) return;
  throw new ProtocolError("PKT_TRUNCATED", "Cannot read pkt-line: the stream ended inside it", {
    phase: "pkt-line",
    offset: scanner.offset,
    excerpt: scanner.pending,
  });
}
