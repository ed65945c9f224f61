// Reads v0 and v1 fetch requests. Server side.

import type { CapabilityList } from "./capabilities.ts";
import { ProtocolError } from "./errors.ts";
import type { FetchRequest } from "./fetch-request.ts";
import { type ProtocolLimits, resolveLimits } from "./limits.ts";
import type { PktLineKind } from "./pkt-line/packet-scanner.ts";
import { PktLineDecoder } from "./pkt-line/pkt-line-decoder.ts";
import { UploadRequestLines } from "./upload-request-lines.ts";

/** A v0 or v1 request: what is asked, and the capabilities on its first want. */
export interface UploadRequest {
  readonly request: FetchRequest;
  readonly capabilities: CapabilityList;
}

/** Decodes a v0 or v1 request: gitprotocol-pack(5), "Packfile Negotiation". */
export class UploadRequestDecoder {
  readonly #decoder: PktLineDecoder;
  readonly #lines: UploadRequestLines;
  #isDone = false;
  #flushes = 0;

  constructor(options?: { readonly limits?: Partial<ProtocolLimits> }) {
    const limits = resolveLimits(options?.limits);
    this.#decoder = new PktLineDecoder(limits);
    this.#lines = new UploadRequestLines(limits);
  }

  /** Flush-pkts seen among the haves: a stateful server owes a NAK or ACK for each. */
  get haveFlushes(): number {
    return this.#flushes;
  }

  /**
   * Decode a chunk of any size.
   *
   * @returns true after `done`, or after a flush-pkt in place of wants; later bytes are in {@link rest}.
   * @throws {ProtocolError} `REQUEST_INVALID`, `OBJECT_ID_INVALID`, `OBJECT_FORMAT_UNSUPPORTED`, `LIMIT_EXCEEDED`,
   * `NOT_GIT`, `PKT_LENGTH_INVALID`.
   */
  feed(chunk: Uint8Array): boolean {
    return this.#isDone || !this.#decoder.feed(chunk, this.#onPacket);
  }

  /** After the end: bytes of the last chunk behind it. A view. */
  rest(): Uint8Array {
    return this.#decoder.rest();
  }

  /**
   * The request so far: whole after {@link feed} returned true, or at the end of a stateless round.
   *
   * @throws {ProtocolError} `PKT_TRUNCATED` inside a packet, `STREAM_TRUNCATED` before the wants ended.
   */
  result(): UploadRequest {
    this.#decoder.finish();
    if (!this.#isDone && !this.#lines.wantsEnded) {
      throw new ProtocolError("STREAM_TRUNCATED", "Cannot read fetch request: it ended among the wants", {
        phase: "fetch-request",
        offset: this.#decoder.offset,
      });
    }
    return { request: this.#lines.request(), capabilities: this.#lines.capabilities };
  }

  readonly #onPacket = (kind: PktLineKind, payload: Uint8Array): boolean => {
    const end = this.#lines.take(kind, payload);
    if (end === "round") this.#flushes += 1;
    this.#isDone = end === "done" || end === "goodbye";
    return !this.#isDone;
  };
}
