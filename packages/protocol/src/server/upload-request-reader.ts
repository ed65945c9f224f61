// Reads a v0 or v1 client of upload-pack: its wants, then round after round of haves.

import type { CapabilityList } from "../capabilities.ts";
import type { AckMode, SidebandChoice } from "../fetch-request.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { ObjectFormat } from "../object-id.ts";
import { PktLineDecoder } from "../pkt-line/pkt-line-decoder.ts";
import { type UploadRequestEnd, UploadRequestLines } from "../upload-request-lines.ts";
import {
  type ClientMessage,
  type ClientMessageReader,
  endedEarly,
  refusedRequest,
} from "./client-message.ts";
import { UploadHaveAcknowledger } from "./have-acknowledger.ts";
import { SidebandOutput } from "./sideband-output.ts";

/** gitprotocol-pack(5), "Packfile Negotiation". */
export class UploadRequestReader implements ClientMessageReader {
  readonly #advertised: CapabilityList;
  readonly #objectFormat: ObjectFormat;
  readonly #decoder: PktLineDecoder;
  readonly #lines: UploadRequestLines;
  #end: UploadRequestEnd = "none";
  #havesSeen = 0;
  #isInside = false;

  constructor(advertised: CapabilityList, objectFormat: ObjectFormat, limits: ProtocolLimits) {
    this.#advertised = advertised;
    this.#objectFormat = objectFormat;
    this.#decoder = new PktLineDecoder(limits);
    this.#lines = new UploadRequestLines(limits);
  }

  feed(chunk: Uint8Array): Uint8Array | undefined {
    const isIncomplete = this.#decoder.feed(chunk, (kind, payload) => {
      this.#end = this.#lines.take(kind, payload);
      this.#isInside = this.#end === "none";
      return this.#isInside;
    });
    return isIncomplete ? undefined : this.#decoder.rest();
  }

  message(): ClientMessage {
    if (this.#end === "goodbye") return { type: "goodbye" };
    return this.#end === "wants" ? this.#wants() : this.#round();
  }

  finish(): void {
    this.#decoder.finish();
    if (this.#isInside) throw endedEarly();
  }

  #round(): ClientMessage {
    const haves = this.#lines.request().haves.slice(this.#havesSeen);
    this.#havesSeen += haves.length;
    return { type: "round", round: { haves, done: this.#end === "done" } };
  }

  #wants(): ClientMessage {
    const { capabilities, objectFormat } = this.#lines;
    const request = { ...this.#lines.request(), haves: [] };
    if (objectFormat !== this.#objectFormat) throw refusedRequest("another object-format", objectFormat);
    if (request.filter !== undefined && !this.#agreed("filter")) {
      throw refusedRequest("a filter that was not agreed", request.filter);
    }
    const ackMode: AckMode = this.#agreed("multi_ack_detailed")
      ? "multi_ack_detailed"
      : this.#agreed("multi_ack")
        ? "multi_ack"
        : "none";
    const sideband: SidebandChoice = this.#agreed("side-band-64k")
      ? "side-band-64k"
      : this.#agreed("side-band")
        ? "side-band"
        : "none";
    return {
      type: "wants",
      request,
      capabilities,
      acknowledger: new UploadHaveAcknowledger(ackMode, this.#agreed("no-done")),
      output: new SidebandOutput(sideband, request.noProgress !== true),
    };
  }

  /** What the client echoes counts only if it was offered. */
  #agreed(capability: string): boolean {
    return this.#advertised.has(capability) && this.#lines.capabilities.has(capability);
  }
}
