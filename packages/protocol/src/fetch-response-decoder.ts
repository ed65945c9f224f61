// Reads fetch answers of any version, up to and through the pack.

import { ProtocolError } from "./errors.ts";
import type {
  FetchGrammar,
  FetchResponseV2Options,
  GrammarStep,
  UploadResponseOptions,
} from "./fetch-grammar.ts";
import type {
  Acknowledgments,
  FetchResponse,
  PackfileUri,
  ShallowInfo,
  WantedRef,
} from "./fetch-response.ts";
import { type ProtocolLimits, resolveLimits } from "./limits.ts";
import type { MessageDecoder } from "./message-decoder.ts";
import { NegotiationRecord } from "./negotiation-record.ts";
import { PackStream } from "./pack-stream.ts";
import type { PktLineKind } from "./pkt-line/packet-scanner.ts";
import { PktLineDecoder } from "./pkt-line/pkt-line-decoder.ts";
import { textOf } from "./pkt-line/pkt-line-encoder.ts";
import { remoteError, throwIfErrPacket } from "./pkt-line/remote-error.ts";
import { decodeSidebandPacket } from "./pkt-line/sideband-packet.ts";
import { UploadResponseGrammar } from "./upload-response-grammar.ts";
import { V2FetchResponseGrammar } from "./v2-fetch-response-grammar.ts";

/** Either. */
export type FetchResponseOptions = FetchResponseV2Options | UploadResponseOptions;

/** Where the pack goes. All are called synchronously from `feed`. */
export interface FetchResponseHandlers {
  /** A piece of the pack: a view of the fed chunk, of any size. Copy what must live longer. */
  readonly onPack: (view: Uint8Array) => void;
  /** A piece of progress, likewise; feed it to `ProgressLines` before showing it. */
  readonly onProgress?: (view: Uint8Array) => void;
  /** The negotiation is over and the pack begins, before its first byte. */
  readonly onPackStart?: () => void;
  readonly limits?: Partial<ProtocolLimits>;
}

const EMPTY: Uint8Array = new Uint8Array(0);

/**
 * Decodes one answer to a fetch: gitprotocol-v2(5), "fetch"; gitprotocol-pack(5), "Packfile Negotiation" and
 * "Packfile Data".
 *
 * In v0 and v1 the answer ends, without a pack, at the NAK (or the bare ACK) of a round that did not end in `done`.
 */
export class FetchResponseDecoder implements MessageDecoder<FetchResponse> {
  readonly #limits: ProtocolLimits;
  readonly #record: NegotiationRecord;
  readonly #grammar: FetchGrammar;
  readonly #packets: PktLineDecoder;
  readonly #pack: PackStream;
  readonly #onPackStart: (() => void) | undefined;
  readonly #onProgress: ((view: Uint8Array) => void) | undefined;
  readonly #sidebandAll: boolean;
  #progressBytes = 0;
  #state: "lines" | "pack" | "done" = "lines";
  #step: GrammarStep = "more";
  /** The packet that turned out to be side-band data, to be read again as such. */
  #replay: Uint8Array | undefined;
  #atPacketStart = true;
  #seenBytes = false;
  #rest: Uint8Array = EMPTY;

  constructor(options: FetchResponseOptions, handlers: FetchResponseHandlers) {
    this.#limits = resolveLimits(handlers.limits);
    this.#record = new NegotiationRecord(options, this.#limits);
    this.#packets = new PktLineDecoder(this.#limits);
    this.#onPackStart = handlers.onPackStart;
    this.#onProgress = handlers.onProgress;
    this.#sidebandAll = options.version === 2 && options.sidebandAll === true;
    const sideband = options.version === 2 ? "side-band-64k" : options.sideband;
    this.#pack = new PackStream(sideband !== "none", handlers, this.#limits);
    this.#grammar =
      options.version === 2
        ? new V2FetchResponseGrammar(options, this.#record)
        : new UploadResponseGrammar(options, this.#record);
  }

  /** What was said about our haves, so far. */
  get acknowledgments(): Acknowledgments {
    return { acks: this.#record.acks, nak: this.#record.nak, ready: this.#record.ready };
  }

  /** How the shallow boundary moves; empty lists when nothing was said. */
  get shallowInfo(): ShallowInfo {
    return this.#record.shallowInfo;
  }

  get wantedRefs(): readonly WantedRef[] {
    return this.#record.wantedRefs;
  }

  get packfileUris(): readonly PackfileUri[] {
    return this.#record.packfileUris;
  }

  /** True from the moment the pack is due. */
  get packStarted(): boolean {
    return this.#pack.started;
  }

  /**
   * Decode a chunk of any size.
   *
   * @returns true at the end of the answer; later bytes of the chunk are in {@link rest}. A pack without side-band
   * has no end of its own: it ends with the stream.
   * @throws {ProtocolError} the `SECTION_*`, `ACK*`, `READY_*`, `DELIM_*` and `FLUSH_*` codes, `SHALLOW_INVALID`,
   * `WANTED_REF_INVALID`, `PACKFILE_URI_INVALID`, `RESPONSE_END_UNEXPECTED`, `REMOTE_ERROR` (ERR packet, band 3),
   * `SIDEBAND_INVALID`, `LIMIT_EXCEEDED`, `NOT_GIT`, the `PKT_*` codes.
   */
  feed(chunk: Uint8Array): boolean {
    if (chunk.length > 0) this.#seenBytes = true;
    if (this.#state === "done") {
      this.#rest = chunk;
      return true;
    }
    return this.#state === "lines" ? this.#feedLines(chunk) : this.#feedPack(chunk);
  }

  /** After the end: bytes of the last chunk behind it. A view. */
  rest(): Uint8Array {
    return this.#rest;
  }

  /**
   * Declare the end of the stream and take what was said before the pack.
   *
   * @throws {ProtocolError} `PACK_TRUNCATED` in the pack, `PKT_TRUNCATED` in a packet before it, `STREAM_TRUNCATED`
   * between packets when more was due.
   */
  finish(): FetchResponse {
    if (this.#state !== "done") this.#requireEnd();
    this.#state = "done";
    const grammar = this.#grammar;
    return {
      ...(grammar.hasSeen("acknowledgments") ? { acknowledgments: this.acknowledgments } : {}),
      ...(grammar.hasSeen("shallow-info") ? { shallowInfo: this.shallowInfo } : {}),
      ...(grammar.hasSeen("wanted-refs") ? { wantedRefs: this.wantedRefs } : {}),
      ...(grammar.hasSeen("packfile-uris") ? { packfileUris: this.packfileUris } : {}),
      packfile: this.packStarted,
    };
  }

  #requireEnd(): void {
    if (this.#state === "pack") {
      this.#pack.finish();
    } else {
      this.#packets.finish();
      if (!this.#seenBytes || !this.#grammar.mayEnd()) {
        throw new ProtocolError("STREAM_TRUNCATED", "Cannot read fetch response: it ended too early", {
          phase: "fetch-response",
          offset: this.#packets.offset,
        });
      }
    }
  }

  #feedLines(chunk: Uint8Array): boolean {
    let left = chunk;
    while (left.length > 0) {
      // Only here, where the grammar allows nothing else, may a pack without side-band begin.
      if (this.#atPacketStart && this.#grammar.startsBarePack(left[0] ?? 0)) return this.#startPack(left);
      // One packet at a time, so that the bytes of a bare pack are never read as a pkt-len.
      const stopped = !this.#packets.feed(left, this.#onPacket);
      this.#atPacketStart = stopped;
      if (!stopped) return false;
      left = this.#packets.rest();
      const step = this.#step;
      if (step === "pack") return this.#startPack(left);
      if (step === "end") {
        this.#state = "done";
        this.#rest = left;
        return true;
      }
    }
    return false;
  }

  readonly #onPacket = (kind: PktLineKind, payload: Uint8Array): boolean => {
    if (kind !== "data") {
      this.#step = this.#grammar.onPacket(kind, "");
      return false;
    }
    if (this.#grammar.startsSideband(payload)) {
      this.#replay = payload.slice();
      this.#step = "pack";
      return false;
    }
    throwIfErrPacket(payload, 0, payload.length, "fetch-response", this.#limits);
    const line = this.#sidebandAll ? this.#takeBand(payload) : payload;
    this.#step = "more";
    if (line === undefined) return false;
    this.#record.count(payload.length + 4);
    this.#step = this.#grammar.onPacket(kind, textOf(line));
    return false;
  };

  /** @returns the line in band 1; undefined for progress and keepalives. */
  #takeBand(payload: Uint8Array): Uint8Array | undefined {
    const { band, data } = decodeSidebandPacket(payload);
    if (band === "error") throw remoteError(data, "fetch-response", this.#limits);
    if (data.length === 0) return undefined;
    if (band === "pack") return data;
    this.#progressBytes += data.length;
    if (this.#progressBytes > this.#limits.maxProgressBytes) {
      throw new ProtocolError("LIMIT_EXCEEDED", "Cannot read fetch response: too much progress", {
        phase: "fetch-response",
        offset: this.#packets.offset,
        details: { limit: "maxProgressBytes" },
      });
    }
    this.#onProgress?.(data);
    return undefined;
  }

  #startPack(left: Uint8Array): boolean {
    this.#state = "pack";
    this.#onPackStart?.();
    this.#pack.start(this.#replay);
    return this.#feedPack(left);
  }

  #feedPack(chunk: Uint8Array): boolean {
    if (!this.#pack.feed(chunk)) return false;
    this.#state = "done";
    this.#rest = this.#pack.rest();
    return true;
  }
}
