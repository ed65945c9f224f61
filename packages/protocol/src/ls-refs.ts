// The answer to the v2 command ls-refs: its type and its decoder.

import type { AdvertisedRef } from "./advertisement.ts";
import { beginsWith, decodeText, encodeText } from "./byte-text.ts";
import { ProtocolError, type ProtocolErrorCode } from "./errors.ts";
import { type ProtocolLimits, resolveLimits } from "./limits.ts";
import type { MessageDecoder } from "./message-decoder.ts";
import { type ObjectFormat, objectIdHexLength } from "./object-id.ts";
import { PacketScanner, type PktLineKind } from "./pkt-line/packet-scanner.ts";
import { throwIfInsidePacket } from "./pkt-line/pkt-line-decoder.ts";
import { textOf } from "./pkt-line/pkt-line-encoder.ts";
import { throwIfErrPacket } from "./pkt-line/remote-error.ts";
import { isValidRefName, type RefName } from "./ref-name.ts";
import { RefCollector } from "./ref-collector.ts";
import type { RefTable } from "./ref-table.ts";

/** An answer to ls-refs. gitprotocol-v2(5), "ls-refs". */
export interface LsRefsResult {
  /** In the order of the wire; may hold more than was asked for. */
  readonly refs: readonly AdvertisedRef[];
  /** Where HEAD points when that branch does not exist yet. */
  readonly unbornHead?: RefName;
  /** Names that git check-ref-format refuses; they are not in `refs`. */
  readonly invalidNames: readonly RefName[];
}

/**
 * An answer as it was decoded. `refs` is derived from `table` when it is first asked for.
 * gitprotocol-v2(5), "ls-refs".
 */
export interface DecodedLsRefs extends LsRefsResult {
  readonly table: RefTable;
}

/** Options of {@link LsRefsDecoder}. */
export interface LsRefsDecoderOptions {
  /** From the advertisement: it sets the width of ids. */
  readonly objectFormat: ObjectFormat;
  readonly limits?: Partial<ProtocolLimits>;
}

const SPACE = 0x20;
const LF = 0x0a;
const PEELED = encodeText("peeled:");
const SYMREF_TARGET = encodeText("symref-target:");

/** Decodes an answer to ls-refs: gitprotocol-v2(5), "ls-refs". Keeps none of the bytes it was fed. */
export class LsRefsDecoder implements MessageDecoder<DecodedLsRefs> {
  readonly #limits: ProtocolLimits;
  readonly #scanner: PacketScanner;
  readonly #collector: RefCollector;
  readonly #idLength: 40 | 64;
  #unbornHead: RefName | undefined;
  #done = false;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(options: LsRefsDecoderOptions) {
    this.#limits = resolveLimits(options.limits);
    this.#scanner = new PacketScanner(this.#limits.maxPktPayloadBytes);
    this.#collector = new RefCollector(options.objectFormat, this.#limits, "ls-refs");
    this.#idLength = objectIdHexLength(options.objectFormat);
  }

  /**
   * Decode a chunk of any size.
   *
   * @returns true at the flush-pkt; later bytes of the chunk are in {@link rest}.
   * @throws {ProtocolError} `REF_LINE_INVALID`, `DELIM_UNEXPECTED`, `RESPONSE_END_UNEXPECTED`, `REMOTE_ERROR`, `LIMIT_EXCEEDED`,
   * `NOT_GIT`, the `PKT_*` codes.
   */
  feed(chunk: Uint8Array): boolean {
    if (this.#done) {
      this.#rest = chunk;
      return true;
    }
    if (this.#scanner.feed(chunk, this.#onPacket)) return false;
    this.#done = true;
    this.#rest = this.#scanner.rest;
    return true;
  }

  /** After the end: bytes of the last chunk behind the flush-pkt. A view. */
  rest(): Uint8Array {
    return this.#rest;
  }

  /**
   * The answer.
   *
   * @throws {ProtocolError} `PKT_TRUNCATED` or `STREAM_TRUNCATED` unless {@link feed} returned true.
   */
  finish(): DecodedLsRefs {
    if (!this.#done) {
      throwIfInsidePacket(this.#scanner);
      throw new ProtocolError(
        "STREAM_TRUNCATED",
        "Cannot read ls-refs answer: it ended before its flush-pkt",
        {
          phase: "ls-refs",
          offset: this.#scanner.offset,
        },
      );
    }
    const table = this.#collector.finish();
    return {
      table,
      get refs() {
        return table.toArray();
      },
      ...(this.#unbornHead === undefined ? {} : { unbornHead: this.#unbornHead }),
      invalidNames: this.#collector.invalidNames,
    };
  }

  readonly #onPacket = (kind: PktLineKind, source: Uint8Array, start: number, end: number): boolean => {
    if (kind === "flush") return false;
    if (kind !== "data") {
      const code = kind === "delim" ? "DELIM_UNEXPECTED" : "RESPONSE_END_UNEXPECTED";
      throw this.#error(code, `a ${kind}-pkt`, source.subarray(start, end));
    }
    throwIfErrPacket(source, start, end, "ls-refs", this.#limits);
    this.#collector.count(end - start + 4);
    this.#onLine(source, start, end);
    return true;
  };

  #onLine(source: Uint8Array, start: number, end: number): void {
    const nameStart = start + this.#idLength + 1;
    const { rows } = this.#collector;
    if (end <= nameStart || source[nameStart - 1] !== SPACE || !rows.readId(source, start)) {
      this.#onUnborn(source, start, end);
      return;
    }
    const stop = source[end - 1] === LF ? end - 1 : end;
    if (!rows.add(source, nameStart, stop, SPACE)) {
      this.#collector.setAside(source, nameStart, rows.nameEnd);
    } else if (rows.nameEnd < stop && !this.#takeAttributes(source, rows.nameEnd + 1, stop)) {
      throw this.#invalid(source, start, end);
    }
  }

  /** Attributes of the last row come in any order, and unknown ones are for newer clients. @returns false for a bad id. */
  #takeAttributes(source: Uint8Array, start: number, stop: number): boolean {
    const { rows } = this.#collector;
    for (let at = start, end = at; at <= stop; at = end + 1) {
      for (end = at; end < stop && source[end] !== SPACE;) end += 1;
      if (beginsWith(source, at, end, PEELED)) {
        const digits = at + PEELED.length;
        if (end - digits !== this.#idLength || !rows.readPeeled(source, digits)) return false;
      } else if (beginsWith(source, at, end, SYMREF_TARGET)) {
        const target = decodeText(source.subarray(at + SYMREF_TARGET.length, end));
        if (isValidRefName(target)) rows.pointTo(rows.length - 1, target as RefName);
      }
    }
    return true;
  }

  #onUnborn(source: Uint8Array, start: number, end: number): void {
    const [keyword, name, ...attributes] = textOf(source.subarray(start, end)).split(" ");
    if (keyword !== "unborn" || name === undefined) throw this.#invalid(source, start, end);
    const target = attributes.find((attribute) => attribute.startsWith("symref-target:"))?.slice(14);
    if (name === "HEAD" && target !== undefined && isValidRefName(target))
      this.#unbornHead = target as RefName;
  }

  #invalid(source: Uint8Array, start: number, end: number): ProtocolError {
    return this.#error("REF_LINE_INVALID", "a line that is no ref", source.subarray(start, end));
  }

  #error(code: ProtocolErrorCode, found: string, excerpt: Uint8Array): ProtocolError {
    return new ProtocolError(code, `Cannot read ls-refs answer: found ${found}`, {
      phase: "ls-refs",
      offset: this.#scanner.offset,
      excerpt,
    });
  }
}
