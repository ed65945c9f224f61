// Packets of one bounded message of lines, and its end: what the decoders of requests and of short answers share.

import { ProtocolError, type ProtocolErrorCode, type ProtocolPhase } from "./errors.ts";
import type { ProtocolLimits } from "./limits.ts";
import type { PktLineKind } from "./pkt-line/packet-scanner.ts";
import { PktLineDecoder } from "./pkt-line/pkt-line-decoder.ts";
import { textOf } from "./pkt-line/pkt-line-encoder.ts";
import { throwIfErrPacket } from "./pkt-line/remote-error.ts";

/**
 * Takes one packet; `line` is the text of `payload` without its LF. In a response `kind` is `data` or `flush`.
 *
 * @returns true when the message is over.
 */
type LineSink = (kind: PktLineKind, line: string, payload: Uint8Array) => boolean;

/** What limits a decoder of the server side. */
export interface RequestDecoderOptions {
  readonly limits?: Partial<ProtocolLimits>;
}

/** What is read, for errors and bounds. */
interface LineReaderOptions {
  /** Such as `fetch request`, for messages. */
  readonly name: string;
  readonly phase: ProtocolPhase;
  readonly limits: ProtocolLimits;
  readonly side: "request" | "response";
}

/** Feeds packets to a sink until it says that the message is over. Holds at most one packet. */
export class LineReader {
  readonly #options: LineReaderOptions;
  readonly #decoder: PktLineDecoder;
  readonly #sink: LineSink;
  #done = false;
  #lines = 0;
  #bytes = 0;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(options: LineReaderOptions, sink: LineSink) {
    this.#options = options;
    this.#decoder = new PktLineDecoder(options.limits);
    this.#sink = sink;
  }

  get done(): boolean {
    return this.#done;
  }

  get offset(): number {
    return this.#decoder.offset;
  }

  /** @returns true once the message is over. */
  feed(chunk: Uint8Array): boolean {
    if (this.#done) {
      this.#rest = chunk;
      return true;
    }
    if (this.#decoder.feed(chunk, this.#onPacket)) return false;
    this.#done = true;
    this.#rest = this.#decoder.rest();
    return true;
  }

  rest(): Uint8Array {
    return this.#rest;
  }

  /** @throws {ProtocolError} `PKT_TRUNCATED` inside a packet, `STREAM_TRUNCATED` unless the message is over or `mayEnd`. */
  finish(mayEnd = false): void {
    if (this.#done) return;
    this.#decoder.finish();
    if (!mayEnd) throw this.error("STREAM_TRUNCATED", "an end before its last packet");
  }

  /** An error of this message. */
  error(code: ProtocolErrorCode, found: string, excerpt?: Uint8Array): ProtocolError {
    const { name, phase } = this.#options;
    return new ProtocolError(code, `Cannot read ${name}: found ${found}`, {
      phase,
      offset: this.#decoder.offset,
      ...(excerpt === undefined ? {} : { excerpt }),
    });
  }

  readonly #onPacket = (kind: PktLineKind, payload: Uint8Array): boolean => {
    if (this.#options.side === "response" && (kind === "delim" || kind === "response-end")) {
      const code = kind === "delim" ? "DELIM_UNEXPECTED" : "RESPONSE_END_UNEXPECTED";
      throw this.error(code, `a ${kind}-pkt`, payload);
    }
    if (kind !== "data") return !this.#sink(kind, "", payload);
    throwIfErrPacket(payload, 0, payload.length, this.#options.phase, this.#options.limits);
    this.#count(payload.length + 4);
    return !this.#sink(kind, textOf(payload), payload);
  };

  #count(length: number): void {
    this.#lines += 1;
    this.#bytes += length;
    const { name, phase, limits, side } = this.#options;
    const [maxLines, maxBytes] =
      side === "request"
        ? (["maxRequestLines", "maxRequestBytes"] as const)
        : (["maxResponseLines", "maxResponseBytes"] as const);
    const limit =
      this.#lines > limits[maxLines] ? maxLines : this.#bytes > limits[maxBytes] ? maxBytes : undefined;
    if (limit === undefined) return;
    throw new ProtocolError("LIMIT_EXCEEDED", `Cannot read ${name}: more than ${limits[limit]} (${limit})`, {
      phase,
      offset: this.#decoder.offset,
      details: { limit },
    });
  }
}
