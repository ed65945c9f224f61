// Reads v0 and v1 fetch requests: the upload-request, rounds of haves, and both in one HTTP body. Server side.

import { CapabilityList, parseCapabilities } from "./capabilities.ts";
import { FetchArguments } from "./fetch-arguments.ts";
import { resolveLimits } from "./limits.ts";
import { LineReader, type RequestDecoderOptions } from "./line-reader.ts";
import type { MessageDecoder } from "./message-decoder.ts";
import { type ObjectFormat, type ObjectId, parseObjectId } from "./object-id.ts";
import type { PktLineKind } from "./pkt-line/packet-scanner.ts";
import {
  type HaveRound,
  type HttpUploadRequest,
  requestedFormat,
  type UploadRequest,
} from "./upload-request.ts";

/**
 * Decodes an upload-request up to its flush-pkt: gitprotocol-pack(5), "Packfile Negotiation".
 *
 * On a stateful connection the haves follow, round by round: see {@link HaveRoundDecoder}.
 */
export class UploadRequestDecoder implements MessageDecoder<UploadRequest> {
  readonly #reader: LineReader;
  #capabilities: CapabilityList = new CapabilityList();
  #arguments: FetchArguments | undefined;

  constructor(options?: RequestDecoderOptions) {
    const limits = resolveLimits(options?.limits);
    this.#reader = new LineReader(
      { name: "fetch request", phase: "fetch-request", limits, side: "request" },
      this.#onPacket,
    );
  }

  /**
   * Decode a chunk of any size.
   *
   * @returns true at the flush-pkt; later bytes are in {@link rest}.
   * @throws {ProtocolError} `REQUEST_INVALID`, `FILTER_INVALID`, `OBJECT_ID_INVALID`, `OBJECT_FORMAT_UNSUPPORTED`,
   * `REMOTE_ERROR` (ERR packet), `LIMIT_EXCEEDED`, `NOT_GIT`, the `PKT_*` codes.
   */
  feed(chunk: Uint8Array): boolean {
    return this.#reader.feed(chunk);
  }

  /** After the end: bytes of the last chunk behind the flush-pkt. A view. */
  rest(): Uint8Array {
    return this.#reader.rest();
  }

  /**
   * The request; without wants the client says goodbye.
   *
   * @throws {ProtocolError} `PKT_TRUNCATED` or `STREAM_TRUNCATED` unless {@link feed} returned true; `REQUEST_INVALID`
   * when lines contradict each other.
   */
  finish(): UploadRequest {
    this.#reader.finish();
    const { wants = [], shallow = [], deepen, filter } = this.#arguments?.request() ?? {};
    return {
      wants,
      capabilities: this.#capabilities,
      shallow,
      ...(deepen === undefined ? {} : { deepen }),
      ...(filter === undefined ? {} : { filter }),
    };
  }

  readonly #onPacket = (kind: PktLineKind, line: string, payload: Uint8Array): boolean => {
    if (kind === "flush") return true;
    if (kind !== "data") throw this.#reader.error("REQUEST_INVALID", `a ${kind}-pkt`, payload);
    if (this.#arguments === undefined) this.#onFirstWant(line, payload);
    else if (line === "done" || /^(?:have|want-ref) /.test(line) || !this.#arguments.take(line)) {
      throw this.#reader.error("REQUEST_INVALID", "a line out of place", payload);
    }
    return false;
  };

  #onFirstWant(line: string, payload: Uint8Array): void {
    const match = /^want ([0-9A-Fa-f]+)(?: (.*))?$/s.exec(line);
    if (match === null) throw this.#reader.error("REQUEST_INVALID", "no want", payload);
    this.#capabilities = parseCapabilities(match[2] ?? "");
    const [, want = ""] = match;
    this.#arguments = new FetchArguments(requestedFormat(this.#capabilities, want));
    this.#arguments.take(`want ${want}`);
    if (this.#capabilities.has("deepen-relative")) this.#arguments.take("deepen-relative");
  }
}

/** Options of {@link HaveRoundDecoder}. */
export interface HaveRoundDecoderOptions extends RequestDecoderOptions {
  /** Of the upload-request. */
  readonly objectFormat: ObjectFormat;
  /** A stream that ends before the first packet is a round of nothing, as over HTTP. Default: false. */
  readonly mayBeEmpty?: boolean;
}

/** Decodes one round of haves, up to its flush-pkt or `done`: gitprotocol-pack(5), "Packfile Negotiation". */
export class HaveRoundDecoder implements MessageDecoder<HaveRound> {
  readonly #reader: LineReader;
  readonly #format: ObjectFormat;
  readonly #mayBeEmpty: boolean;
  readonly #haves: ObjectId[] = [];
  #done = false;

  constructor(options: HaveRoundDecoderOptions) {
    this.#mayBeEmpty = options.mayBeEmpty ?? false;
    this.#format = options.objectFormat;
    const limits = resolveLimits(options.limits);
    this.#reader = new LineReader(
      { name: "haves", phase: "fetch-request", limits, side: "request" },
      this.#onPacket,
    );
  }

  /**
   * Decode a chunk of any size.
   *
   * @returns true at the flush-pkt or after `done`; later bytes are in {@link rest}.
   * @throws {ProtocolError} `REQUEST_INVALID`, `OBJECT_ID_INVALID`, `REMOTE_ERROR` (ERR packet), `LIMIT_EXCEEDED`,
   * `NOT_GIT`, the `PKT_*` codes.
   */
  feed(chunk: Uint8Array): boolean {
    return this.#reader.feed(chunk);
  }

  /** After the end: bytes of the last chunk behind the round. A view. */
  rest(): Uint8Array {
    return this.#reader.rest();
  }

  /** @throws {ProtocolError} `PKT_TRUNCATED` or `STREAM_TRUNCATED` unless {@link feed} returned true. */
  finish(): HaveRound {
    this.#reader.finish(this.#mayBeEmpty && this.#reader.offset === 0);
    return { haves: this.#haves, done: this.#done };
  }

  readonly #onPacket = (kind: PktLineKind, line: string, payload: Uint8Array): boolean => {
    if (kind === "flush") return true;
    if (kind === "data" && line === "done") this.#done = true;
    else if (kind === "data" && line.startsWith("have ")) {
      this.#haves.push(parseObjectId(line.slice(5), this.#format));
    } else {
      const found = kind === "data" ? "a line out of place" : `a ${kind}-pkt`;
      throw this.#reader.error("REQUEST_INVALID", found, payload);
    }
    return this.#done;
  };
}

/**
 * Decodes the body of a POST to git-upload-pack: gitprotocol-http(5), "Smart Service git-upload-pack".
 *
 * One round; a body may also end right behind the upload-request, which asks for shallow lines alone.
 */
export class HttpUploadRequestDecoder implements MessageDecoder<HttpUploadRequest> {
  readonly #options: RequestDecoderOptions;
  readonly #request: UploadRequestDecoder;
  #round: HaveRoundDecoder | undefined;
  #upload: UploadRequest | undefined;

  constructor(options: RequestDecoderOptions = {}) {
    this.#options = options;
    this.#request = new UploadRequestDecoder(options);
  }

  /**
   * Decode a chunk of any size.
   *
   * @returns true after the round, or after a flush-pkt in place of wants; later bytes are in {@link rest}.
   * @throws {ProtocolError} as {@link UploadRequestDecoder.feed} and {@link HaveRoundDecoder.feed}.
   */
  feed(chunk: Uint8Array): boolean {
    if (this.#round !== undefined) return this.#round.feed(chunk);
    if (!this.#request.feed(chunk)) return false;
    this.#upload ??= this.#request.finish();
    const [firstWant] = this.#upload.wants;
    if (firstWant === undefined) return true;
    const objectFormat = requestedFormat(this.#upload.capabilities, firstWant);
    this.#round = new HaveRoundDecoder({ ...this.#options, objectFormat, mayBeEmpty: true });
    return this.#round.feed(this.#request.rest());
  }

  /** After the end: bytes of the last chunk behind it. A view. */
  rest(): Uint8Array {
    return (this.#round ?? this.#request).rest();
  }

  /**
   * The request.
   *
   * @throws {ProtocolError} `PKT_TRUNCATED` inside a packet, `STREAM_TRUNCATED` among wants or haves.
   */
  finish(): HttpUploadRequest {
    const upload = this.#upload ?? this.#request.finish();
    const round = this.#round?.finish() ?? { haves: [], done: false };
    return { ...upload, ...round };
  }
}
