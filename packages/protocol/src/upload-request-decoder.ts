// Reads v0 and v1 fetch requests. Server side.

import { CapabilityList, objectFormatOf, parseCapabilities } from "./capabilities.ts";
import { ProtocolError } from "./errors.ts";
import { FetchArguments } from "./fetch-arguments.ts";
import type { FetchRequest } from "./fetch-request.ts";
import { type ProtocolLimits, resolveLimits } from "./limits.ts";
import type { PktLineKind } from "./pkt-line/packet-scanner.ts";
import { PktLineDecoder } from "./pkt-line/pkt-line-decoder.ts";
import { textOf } from "./pkt-line/pkt-line-encoder.ts";
import { throwIfRequestExceeds } from "./v2-command.ts";

/** A v0 or v1 request: what is asked, and the capabilities on its first want. */
export interface UploadRequest {
  readonly request: FetchRequest;
  readonly capabilities: CapabilityList;
}

/** Decodes a v0 or v1 request: gitprotocol-pack(5), "Packfile Negotiation". */
export class UploadRequestDecoder {
  readonly #limits: ProtocolLimits;
  readonly #decoder: PktLineDecoder;
  #capabilities: CapabilityList = new CapabilityList();
  #arguments: FetchArguments = new FetchArguments("sha1");
  #state: "first" | "wants" | "haves" | "done" = "first";
  #lines = 0;
  #bytes = 0;
  #flushes = 0;

  constructor(options?: { readonly limits?: Partial<ProtocolLimits> }) {
    this.#limits = resolveLimits(options?.limits);
    this.#decoder = new PktLineDecoder(this.#limits);
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
    return this.#state === "done" || !this.#decoder.feed(chunk, this.#onPacket);
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
    if (this.#state === "first" || this.#state === "wants") {
      throw new ProtocolError("STREAM_TRUNCATED", "Cannot read fetch request: it ended among the wants", {
        phase: "fetch-request",
        offset: this.#decoder.offset,
      });
    }
    return { request: this.#arguments.request(), capabilities: this.#capabilities };
  }

  readonly #onPacket = (kind: PktLineKind, payload: Uint8Array): boolean => {
    if (kind === "flush") return this.#onFlush();
    if (kind !== "data") throw invalid(`a ${kind}-pkt`, payload);
    this.#lines += 1;
    this.#bytes += payload.length + 4;
    throwIfRequestExceeds(this.#limits, this.#lines, this.#bytes);
    const line = textOf(payload);
    if (this.#state === "first") {
      this.#onFirstWant(line, payload);
      return true;
    }
    const isHave = line === "done" || line.startsWith("have ");
    if (isHave !== (this.#state === "haves") || !this.#arguments.take(line)) {
      throw invalid("a line out of place", payload);
    }
    if (line !== "done") return true;
    this.#state = "done";
    return false;
  };

  #onFlush(): boolean {
    if (this.#state === "first") {
      this.#state = "done";
      return false;
    }
    if (this.#state === "haves") this.#flushes += 1;
    this.#state = "haves";
    return true;
  }

  #onFirstWant(line: string, payload: Uint8Array): void {
    const match = /^want ([0-9A-Fa-f]+)(?: (.*))?$/s.exec(line);
    if (match === null) throw invalid("no want", payload);
    this.#capabilities = parseCapabilities(match[2] ?? "");
    this.#arguments = new FetchArguments(objectFormatOf(this.#capabilities));
    this.#arguments.take(`want ${match[1] ?? ""}`);
    for (const flag of ["thin-pack", "ofs-delta", "include-tag", "no-progress", "deepen-relative"]) {
      if (this.#capabilities.has(flag)) this.#arguments.take(flag);
    }
    this.#state = "wants";
  }
}

function invalid(found: string, excerpt: Uint8Array): ProtocolError {
  return new ProtocolError("REQUEST_INVALID", `Cannot read fetch request: found ${found}`, {
    phase: "fetch-request",
    excerpt,
  });
}
