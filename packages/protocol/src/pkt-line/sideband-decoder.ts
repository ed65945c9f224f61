// Takes a side-band stream apart, in pieces, without assembling packets.

import { ProtocolError } from "../errors.ts";
import { type ProtocolLimits, resolveLimits } from "../limits.ts";
import { badPktLength, readPktLength } from "./packet-scanner.ts";
import { isErrPacket, remoteError } from "./remote-error.ts";

/** Where the bands go. */
export interface SidebandHandlers {
  /** Band 1. A view of the fed chunk, in pieces of any size that say nothing about packets: copy what must live longer. */
  readonly onPack: (view: Uint8Array) => void;
  /** Band 2, likewise. Feed it to `ProgressLines` before showing it. */
  readonly onProgress?: (view: Uint8Array) => void;
}

/** Options of {@link SidebandDecoder}. */
export interface SidebandDecoderOptions extends SidebandHandlers {
  readonly limits?: Partial<ProtocolLimits>;
}

const BAND_PACK = 1;
const BAND_PROGRESS = 2;
const BAND_ERROR = 3;

/**
 * Demultiplexes side-band and side-band-64k: gitprotocol-pack(5), "Packfile Data"; gitprotocol-v2(5), "packfile section".
 *
 * Packets without data are keepalives. Holds a header, never a packet, except the short one that carries an error.
 */
export class SidebandDecoder {
  readonly #onPack: (view: Uint8Array) => void;
  readonly #onProgress: ((view: Uint8Array) => void) | undefined;
  readonly #limits: ProtocolLimits;
  /** pkt-len and band of the packet that is starting. */
  readonly #header: Uint8Array = new Uint8Array(5);
  #headerLength = 0;
  #band = 0;
  /** Data bytes of the current packet still to come. */
  #left = 0;
  /** Collected bytes of a packet that will end the stream with an error, its band included. */
  #fatal: number[] | undefined;
  #done = false;
  #rest: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #progressBytes = 0;

  constructor(options: SidebandDecoderOptions) {
    this.#onPack = options.onPack;
    this.#onProgress = options.onProgress;
    this.#limits = resolveLimits(options.limits);
  }

  /** True after the flush-pkt that ends the stream. */
  get done(): boolean {
    return this.#done;
  }

  /** True when the stream stopped inside a packet. */
  get insidePacket(): boolean {
    return this.#left > 0 || this.#headerLength > 0;
  }

  /**
   * Decode a chunk of any size; handlers are called synchronously.
   *
   * @returns true at the final flush-pkt; later bytes of the chunk are in {@link rest}.
   * @throws {ProtocolError} `REMOTE_ERROR` for band 3 or an ERR packet, `SIDEBAND_INVALID` for another band or a
   * packet that cannot be here, `PKT_LENGTH_INVALID`, `PKT_LENGTH_RESERVED`, `PKT_TOO_LONG`, `NOT_GIT`,
   * `LIMIT_EXCEEDED` (progress).
   */
  feed(chunk: Uint8Array): boolean {
    let position = 0;
    while (position < chunk.length && !this.#done) {
      if (this.#left > 0) {
        const end = Math.min(chunk.length, position + this.#left);
        this.#emit(chunk, position, end);
        this.#left -= end - position;
        position = end;
        if (this.#left === 0) this.#endPacket();
        continue;
      }
      // The common case: the header is in this chunk, so it need not be collected.
      if (this.#headerLength === 0 && chunk.length - position >= 5) {
        position += this.#beginPacket(chunk, position);
        continue;
      }
      this.#header[this.#headerLength] = chunk[position] ?? 0;
      this.#headerLength += 1;
      position += 1;
      if (this.#headerLength === 4 && readPktLength(this.#header, 0) > 4) continue;
      if (this.#headerLength >= 4) {
        this.#headerLength = 0;
        this.#beginPacket(this.#header, 0);
      }
    }
    if (this.#done) this.#rest = chunk.subarray(position);
    return this.#done;
  }

  /**
   * Decode the payload of a packet that was read before anyone knew it for side-band data: at least its band.
   * Only between packets.
   */
  feedPacket(payload: Uint8Array): void {
    this.#offset += payload.length + 4;
    this.#beginData(payload[0] ?? 0, payload.length - 1);
    if (this.#left > 0) this.feed(payload.subarray(1));
  }

  /** After the end: bytes of the last chunk behind the flush-pkt. A view. */
  rest(): Uint8Array {
    return this.#rest;
  }

  /**
   * Declare the end of the stream.
   *
   * @throws {ProtocolError} `PKT_TRUNCATED` inside a packet, `STREAM_TRUNCATED` when the flush-pkt is missing.
   */
  finish(): void {
    if (this.#done) return;
    throw new ProtocolError(
      this.insidePacket ? "PKT_TRUNCATED" : "STREAM_TRUNCATED",
      "Cannot read side-band stream: it ended before its flush-pkt",
      { phase: "side-band", offset: this.#offset },
    );
  }

  /** Read a header at `at`. @returns bytes it took: 4 or 5. */
  #beginPacket(bytes: Uint8Array, at: number): 4 | 5 {
    const length = readPktLength(bytes, at);
    if (length < 0 || length === 3 || length > this.#limits.maxPktPayloadBytes + 4) {
      throw badPktLength(bytes.subarray(at, at + 64), this.#offset, this.#limits.maxPktPayloadBytes);
    }
    if (length < 5) {
      this.#offset += 4;
      if (length !== 0) throw this.#invalid("a packet without a band", bytes.subarray(at, at + 4));
      this.#done = true;
      return 4;
    }
    this.#offset += length;
    this.#beginData(bytes[at + 4] ?? 0, length - 5);
    return 5;
  }

  #beginData(band: number, length: number): void {
    this.#left = length;
    this.#band = band;
    if (band === BAND_PACK || band === BAND_PROGRESS) return;
    this.#fatal = [band];
    if (length === 0) this.#endPacket();
  }

  #emit(chunk: Uint8Array, start: number, end: number): void {
    if (this.#fatal !== undefined) {
      for (let index = start; index < end; index += 1) this.#fatal.push(chunk[index] ?? 0);
    } else if (this.#band === BAND_PACK) {
      this.#onPack(chunk.subarray(start, end));
    } else {
      this.#progressBytes += end - start;
      if (this.#progressBytes > this.#limits.maxProgressBytes) {
        throw new ProtocolError("LIMIT_EXCEEDED", "Cannot read side-band stream: too much progress", {
          phase: "side-band",
          offset: this.#offset,
          details: { limit: "maxProgressBytes" },
        });
      }
      this.#onProgress?.(chunk.subarray(start, end));
    }
  }

  #endPacket(): void {
    if (this.#fatal === undefined) return;
    const payload = Uint8Array.from(this.#fatal);
    if (this.#band === BAND_ERROR) throw remoteError(payload.subarray(1), "side-band", this.#limits);
    if (isErrPacket(payload, 0, payload.length))
      throw remoteError(payload.subarray(4), "side-band", this.#limits);
    throw this.#invalid(`band ${this.#band} instead of 1, 2 or 3`, payload);
  }

  #invalid(found: string, excerpt: Uint8Array): ProtocolError {
    return new ProtocolError("SIDEBAND_INVALID", `Cannot read side-band stream: found ${found}`, {
      phase: "side-band",
      offset: this.#offset,
      excerpt,
    });
  }
}
