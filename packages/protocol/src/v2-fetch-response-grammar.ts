// The sections of a v2 fetch answer.

import { fetchResponseError, type NegotiationRecord } from "./negotiation-record.ts";
import type { FetchGrammar, FetchResponseV2Options, GrammarStep } from "./fetch-grammar.ts";
import type { FetchSection } from "./fetch-response.ts";
import type { PktLineKind } from "./pkt-line/packet-scanner.ts";

const ORDER: readonly FetchSection[] = [
  "acknowledgments",
  "shallow-info",
  "wanted-refs",
  "packfile-uris",
  "packfile",
];

/** gitprotocol-v2(5), "fetch": sections in order, delim-pkts between, `ready` exactly when more than one follows. */
export class V2FetchResponseGrammar implements FetchGrammar {
  readonly #sentDone: boolean | undefined;
  readonly #record: NegotiationRecord;
  #section: FetchSection | undefined;
  #lastIndex = -1;
  #readyLine = false;

  constructor(options: FetchResponseV2Options, record: NegotiationRecord) {
    this.#sentDone = options.sentDone;
    this.#record = record;
  }

  startsBarePack(): boolean {
    return false;
  }

  startsSideband(): boolean {
    return false;
  }

  mayEnd(): boolean {
    return false;
  }

  onPacket(kind: PktLineKind, line: string): GrammarStep {
    if (kind === "response-end")
      throw fetchResponseError("RESPONSE_END_UNEXPECTED", "a response-end-pkt", "0002");
    if (kind === "delim") return this.#onDelim();
    if (kind === "flush") return this.#onFlush();
    if (this.#section === undefined) return this.#onHeader(line);
    if (!this.#takeLine(this.#section, line)) {
      throw fetchResponseError("FETCH_RESPONSE_INVALID", `a strange line in section ${this.#section}`, line);
    }
    return "more";
  }

  #onHeader(line: string): GrammarStep {
    const index = ORDER.findIndex((section) => section === line);
    const section = ORDER[index];
    if (section === undefined) throw fetchResponseError("SECTION_UNKNOWN", "an unknown section", line);
    if (index === this.#lastIndex) throw fetchResponseError("SECTION_DUPLICATED", "a section twice", line);
    if (index < this.#lastIndex)
      throw fetchResponseError("SECTION_OUT_OF_ORDER", "a section out of order", line);
    if (section === "acknowledgments" && this.#sentDone === true) {
      throw fetchResponseError("ACKNOWLEDGMENTS_UNEXPECTED", "acknowledgments after done", line);
    }
    if (section !== "acknowledgments" && this.#lastIndex === -1 && this.#sentDone === false) {
      throw fetchResponseError("ACKNOWLEDGMENTS_MISSING", "no acknowledgments before the pack", line);
    }
    this.#lastIndex = index;
    this.#section = section;
    return section === "packfile" ? "pack" : "more";
  }

  #takeLine(section: FetchSection, line: string): boolean {
    if (section === "shallow-info") return this.#record.takeShallow(line);
    if (section === "wanted-refs") return this.#record.takeWantedRef(line);
    if (section === "packfile-uris") return this.#record.takePackfileUri(line);
    if (this.#readyLine) return false;
    if (line === "NAK") this.#record.nak = true;
    else if (line === "ready") {
      this.#readyLine = true;
      this.#record.ready = true;
    } else return this.#record.takeAck(line, "common") === "common";
    return true;
  }

  #onDelim(): GrammarStep {
    if (this.#section === undefined)
      throw fetchResponseError("FETCH_RESPONSE_INVALID", "an extra delim-pkt", "0001");
    if (this.#section === "acknowledgments" && !this.#readyLine) {
      throw fetchResponseError("DELIM_WITHOUT_READY", "more sections though the server is not ready", "0001");
    }
    this.#section = undefined;
    return "more";
  }

  #onFlush(): GrammarStep {
    if (this.#section !== "acknowledgments") {
      throw fetchResponseError("FETCH_RESPONSE_INVALID", "a flush-pkt before the pack", "0000");
    }
    if (this.#readyLine) throw fetchResponseError("READY_WITHOUT_DELIM", "ready and then no pack", "0000");
    return "end";
  }
}
