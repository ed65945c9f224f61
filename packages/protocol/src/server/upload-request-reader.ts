// Reads a v0 or v1 client of upload-pack: its wants, then round after round of haves.

import type { CapabilityList } from "../capabilities.ts";
import { ProtocolError } from "../errors.ts";
import { encodeFilterSpec } from "../filter-spec.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { ObjectFormat } from "../object-id.ts";
import type { AckMode, SidebandChoice } from "../upload-capabilities.ts";
import { fetchRequestOf, type HaveRound, requestedFormat, type UploadRequest } from "../upload-request.ts";
import { HaveRoundDecoder, UploadRequestDecoder } from "../upload-request-decoder.ts";
import { type ClientMessage, type ClientMessageReader, refusedRequest } from "./client-message.ts";
import { UploadHaveAcknowledger } from "./have-acknowledger.ts";
import { SidebandOutput } from "./sideband-output.ts";

/** gitprotocol-pack(5), "Packfile Negotiation". */
export class UploadRequestReader implements ClientMessageReader {
  readonly #advertised: CapabilityList;
  readonly #objectFormat: ObjectFormat;
  readonly #limits: ProtocolLimits;
  #decoder: UploadRequestDecoder | HaveRoundDecoder | undefined;
  #hasWants = false;
  #roundLines = 0;
  #message: ClientMessage = { type: "nothing" };

  constructor(advertised: CapabilityList, objectFormat: ObjectFormat, limits: ProtocolLimits) {
    this.#advertised = advertised;
    this.#objectFormat = objectFormat;
    this.#limits = limits;
  }

  feed(chunk: Uint8Array): Uint8Array | undefined {
    if (chunk.length === 0) return undefined;
    const decoder = (this.#decoder ??= this.#hasWants
      ? new HaveRoundDecoder({ objectFormat: this.#objectFormat, limits: this.#limits })
      : new UploadRequestDecoder({ limits: this.#limits }));
    if (!decoder.feed(chunk)) return undefined;
    this.#decoder = undefined;
    this.#message =
      decoder instanceof HaveRoundDecoder
        ? { type: "round", round: this.#counted(decoder.finish()) }
        : this.#onUploadRequest(decoder.finish());
    return decoder.rest();
  }

  message(): ClientMessage {
    return this.#message;
  }

  finish(): void {
    this.#decoder?.finish();
  }

  /** A round without haves costs a client four bytes, and us an answer: rounds count like lines. */
  #counted(round: HaveRound): HaveRound {
    this.#roundLines += round.haves.length + 1;
    if (this.#roundLines <= this.#limits.maxRequestLines) return round;
    throw new ProtocolError("LIMIT_EXCEEDED", "Cannot serve fetch: too many haves (maxRequestLines)", {
      phase: "fetch-request",
      details: { limit: "maxRequestLines" },
    });
  }

  #onUploadRequest(upload: UploadRequest): ClientMessage {
    const [firstWant] = upload.wants;
    if (firstWant === undefined) return { type: "goodbye" };
    this.#hasWants = true;
    const { capabilities } = upload;
    const objectFormat = requestedFormat(capabilities, firstWant);
    if (objectFormat !== this.#objectFormat) throw refusedRequest("another object-format", objectFormat);
    // What the client echoes counts only if it was offered.
    const agreed = (name: string): boolean => this.#advertised.has(name) && capabilities.has(name);
    if (upload.filter !== undefined && !agreed("filter")) {
      throw refusedRequest("a filter that was not agreed", encodeFilterSpec(upload.filter));
    }
    const ackMode: AckMode = agreed("multi_ack_detailed")
      ? "multi_ack_detailed"
      : agreed("multi_ack")
        ? "multi_ack"
        : "none";
    const sideband: SidebandChoice = agreed("side-band-64k")
      ? "side-band-64k"
      : agreed("side-band")
        ? "side-band"
        : "none";
    const request = fetchRequestOf(upload);
    return {
      type: "wants",
      request,
      capabilities,
      acknowledger: new UploadHaveAcknowledger(ackMode, agreed("no-done")),
      output: new SidebandOutput(sideband, request.noProgress !== true),
    };
  }
}
