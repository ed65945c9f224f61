// The lines of a v0 or v1 fetch request, one by one, and where its parts end. Server side.

import { CapabilityList, objectFormatOf, parseCapabilities } from "./capabilities.ts";
import { ProtocolError } from "./errors.ts";
import { FetchArguments } from "./fetch-arguments.ts";
import type { FetchRequest } from "./fetch-request.ts";
import type { ProtocolLimits } from "./limits.ts";
import type { ObjectFormat } from "./object-id.ts";
import type { PktLineKind } from "./pkt-line/packet-scanner.ts";
import { textOf } from "./pkt-line/pkt-line-encoder.ts";
import { throwIfRequestExceeds } from "./v2-command.ts";

/**
 * What a packet ends: nothing, the conversation (a flush-pkt in place of wants), the wants, a round of haves, or the
 * negotiation.
 */
export type UploadRequestEnd = "none" | "goodbye" | "wants" | "round" | "done";

/** Collects a v0 or v1 request: gitprotocol-pack(5), "Packfile Negotiation". */
export class UploadRequestLines {
  readonly #limits: ProtocolLimits;
  #capabilities: CapabilityList = new CapabilityList();
  #objectFormat: ObjectFormat = "sha1";
  #arguments: FetchArguments = new FetchArguments("sha1");
  #part: "first" | "wants" | "haves" = "first";
  #lines = 0;
  #bytes = 0;

  constructor(limits: ProtocolLimits) {
    this.#limits = limits;
  }

  /** The flush-pkt behind the wants was seen. */
  get wantsEnded(): boolean {
    return this.#part === "haves";
  }

  /** Those of the first want. */
  get capabilities(): CapabilityList {
    return this.#capabilities;
  }

  /** What the client says it is, or the width of its first want: git's own client does not say it here. */
  get objectFormat(): ObjectFormat {
    return this.#objectFormat;
  }

  /** What was collected so far. */
  request(): FetchRequest {
    return this.#arguments.request();
  }

  /** @throws {ProtocolError} `REQUEST_INVALID`, `OBJECT_ID_INVALID`, `OBJECT_FORMAT_UNSUPPORTED`, `LIMIT_EXCEEDED`. */
  take(kind: PktLineKind, payload: Uint8Array): UploadRequestEnd {
    // A round without haves costs its client four bytes and us an answer, so it counts like a line.
    this.#lines += 1;
    this.#bytes += payload.length + 4;
    throwIfRequestExceeds(this.#limits, this.#lines, this.#bytes);
    if (kind === "flush") return this.#onFlush();
    if (kind !== "data") throw invalid(`a ${kind}-pkt`, payload);
    const line = textOf(payload);
    if (this.#part === "first") {
      this.#onFirstWant(line, payload);
      return "none";
    }
    const isHave = line === "done" || line.startsWith("have ");
    if (isHave !== (this.#part === "haves") || !this.#arguments.take(line)) {
      throw invalid("a line out of place", payload);
    }
    return line === "done" ? "done" : "none";
  }

  #onFlush(): UploadRequestEnd {
    if (this.#part === "first") return "goodbye";
    if (this.#part === "haves") return "round";
    this.#part = "haves";
    return "wants";
  }

  #onFirstWant(line: string, payload: Uint8Array): void {
    const match = /^want ([0-9A-Fa-f]+)(?: (.*))?$/s.exec(line);
    if (match === null) throw invalid("no want", payload);
    this.#capabilities = parseCapabilities(match[2] ?? "");
    const [, want = ""] = match;
    const isSilent = !this.#capabilities.has("object-format");
    this.#objectFormat = isSilent && want.length === 64 ? "sha256" : objectFormatOf(this.#capabilities);
    this.#arguments = new FetchArguments(this.#objectFormat);
    this.#arguments.take(`want ${want}`);
    for (const flag of ["thin-pack", "ofs-delta", "include-tag", "no-progress", "deepen-relative"]) {
      if (this.#capabilities.has(flag)) this.#arguments.take(flag);
    }
    this.#part = "wants";
  }
}

function invalid(found: string, excerpt: Uint8Array): ProtocolError {
  return new ProtocolError("REQUEST_INVALID", `Cannot read fetch request: found ${found}`, {
    phase: "fetch-request",
    excerpt,
  });
}
