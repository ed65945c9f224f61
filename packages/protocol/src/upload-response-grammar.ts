// The lines of a v0 or v1 fetch answer before the pack.

import { fetchResponseError, type NegotiationRecord } from "./negotiation-record.ts";
import type { FetchGrammar, GrammarStep, UploadResponseOptions } from "./fetch-grammar.ts";
import type { FetchSection } from "./fetch-response.ts";
import type { PktLineKind } from "./pkt-line/packet-scanner.ts";

const LETTER_P = 0x50;

const SPECIAL_CODES = {
  flush: "FLUSH_UNEXPECTED",
  delim: "DELIM_UNEXPECTED",
  "response-end": "RESPONSE_END_UNEXPECTED",
} as const;

/**
 * gitprotocol-pack(5), "Packfile Negotiation".
 *
 * Whether a pack follows is known, never guessed: it follows `done`, or `ready` when no-done was agreed. Once it may
 * begin, a bare pack starts with `P` where a pkt-len has a digit, and side-band with a band number where an
 * acknowledgment has a letter; until then neither is accepted. Servers repeat NAKs, so any number may come before it.
 */
export class UploadResponseGrammar implements FetchGrammar {
  readonly #options: UploadResponseOptions;
  readonly #record: NegotiationRecord;
  #shallowDue: boolean;
  /** The answer that ends the negotiation was read, so the pack may begin. */
  #packDue: boolean;
  #seenAnswer = false;
  #seenShallow = false;

  constructor(options: UploadResponseOptions, record: NegotiationRecord) {
    this.#options = options;
    this.#record = record;
    this.#shallowDue = options.expectShallow;
    // Without multi_ack a server that acknowledged in an earlier round says nothing more before the pack.
    this.#packDue = options.ackMode === "none" && options.sentDone;
  }

  startsBarePack(byte: number): boolean {
    return this.#packDue && this.#options.sideband === "none" && byte === LETTER_P;
  }

  startsSideband(payload: Uint8Array): boolean {
    const band = payload[0] ?? 0;
    return this.#packDue && this.#options.sideband !== "none" && payload.length > 0 && band <= 3;
  }

  /** A stateless request that only deepens is answered by shallow lines alone; all else has an end of its own. */
  mayEnd(): boolean {
    return !this.#options.sentDone && this.#seenShallow && !this.#seenAnswer;
  }

  onPacket(kind: PktLineKind, line: string): GrammarStep {
    if (this.#shallowDue) {
      if (kind === "flush") {
        this.#shallowDue = false;
        this.#seenShallow = true;
        return this.#options.shallowOnly === true ? "end" : "more";
      }
      if (kind === "data" && this.#record.takeShallow(line)) return "more";
      // Some servers leave the list out; what came instead is the first acknowledgment.
      if (kind === "data" && this.#record.shallow.length + this.#record.unshallow.length > 0) {
        throw fetchResponseError("SHALLOW_INVALID", "a line that is no boundary", line);
      }
      this.#shallowDue = false;
    }
    if (kind !== "data") throw fetchResponseError(SPECIAL_CODES[kind], `a ${kind}-pkt`, "");
    return this.#onAnswer(line);
  }

  hasSeen(section: FetchSection): boolean {
    return section === "acknowledgments" ? this.#seenAnswer : section === "shallow-info" && this.#seenShallow;
  }

  #onAnswer(line: string): GrammarStep {
    const { ackMode, sentDone, noDone = false } = this.#options;
    const nak = line === "NAK";
    const status = nak ? undefined : this.#record.takeAck(line, "final");
    if (!nak && status === undefined) {
      throw fetchResponseError("ACK_INVALID", "a line that is no acknowledgment", line);
    }
    this.#seenAnswer = true;
    if (nak) this.#record.nak = true;
    if (sentDone) {
      if (nak || status === "final") this.#packDue = true;
      return "more";
    }
    if (this.#record.ready && noDone) {
      if (status === "final") this.#packDue = true;
      return "more";
    }
    // Reading on past `ready` to the NAK leaves nothing of this round for the next one to stumble over.
    return nak || (ackMode === "none" && status === "final") ? "end" : "more";
  }
}
