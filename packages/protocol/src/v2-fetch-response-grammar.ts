// The sections of a v2 fetch answer.

import { fetchResponseError, type NegotiationRecord } from "./negotiation-record.ts";
import type { FetchGrammar, FetchResponseV2Options, GrammarStep } from "./fetch-grammar.ts";
import type { FetchSection } from "./fetch-response.ts";
import type { PktLineKind } from "./pkt-line/packet-scanner.ts";

/**
 * Where a section stands. The document puts shallow-info before wanted-refs, git's upload-pack writes them the other
 * way round: both are understood.
 */
const PLACE: ReadonlyMap<string, { readonly section: FetchSection; readonly place: number }> = new Map(
  (
    [
      ["acknowledgments", 0],
      ["shallow-info", 1],
      ["wanted-refs", 1],
      ["packfile-uris", 2],
      ["packfile", 3],
    ] as const
  ).map(([section, place]) => [section, { section, place }]),
);

/** What a line is called that does not belong into its section. */
const LINE_CODES = {
  acknowledgments: "ACK_INVALID",
  "shallow-info": "SHALLOW_INVALID",
  "wanted-refs": "WANTED_REF_INVALID",
  "packfile-uris": "PACKFILE_URI_INVALID",
} as const;

/** gitprotocol-v2(5), "fetch": sections in order, delim-pkts between, `ready` exactly when more than one follows. */
export class V2FetchResponseGrammar implements FetchGrammar {
  readonly #sentDone: boolean | undefined;
  readonly #record: NegotiationRecord;
  #section: FetchSection | undefined;
  readonly #seen: Set<FetchSection> = new Set();
  #lastPlace = -1;
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

  hasSeen(section: FetchSection): boolean {
    return this.#seen.has(section);
  }

  onPacket(kind: PktLineKind, line: string): GrammarStep {
    if (kind === "response-end")
      throw fetchResponseError("RESPONSE_END_UNEXPECTED", "a response-end-pkt", "0002");
    if (kind === "delim") return this.#onDelim();
    if (kind === "flush") return this.#onFlush();
    const section = this.#section;
    if (section === undefined || section === "packfile") return this.#onHeader(line);
    if (!this.#takeLine(section, line)) {
      throw fetchResponseError(LINE_CODES[section], `a strange line in section ${section}`, line);
    }
    return "more";
  }

  #onHeader(line: string): GrammarStep {
    const known = PLACE.get(line);
    if (known === undefined) throw fetchResponseError("SECTION_UNKNOWN", "an unknown section", line);
    const { section, place } = known;
    if (place < this.#lastPlace)
      throw fetchResponseError("SECTION_OUT_OF_ORDER", "a section out of order", line);
    if (this.#seen.has(section)) throw fetchResponseError("SECTION_DUPLICATED", "a section twice", line);
    if (section === "acknowledgments" && this.#sentDone === true) {
      throw fetchResponseError("ACKNOWLEDGMENTS_UNEXPECTED", "acknowledgments after done", line);
    }
    if (section !== "acknowledgments" && this.#lastPlace === -1 && this.#sentDone === false) {
      throw fetchResponseError("ACKNOWLEDGMENTS_MISSING", "no acknowledgments before the pack", line);
    }
    this.#lastPlace = place;
    this.#seen.add(section);
    this.#section = section;
    return section === "packfile" ? "pack" : "more";
  }

  #takeLine(section: keyof typeof LINE_CODES, line: string): boolean {
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
      throw fetchResponseError("DELIM_UNEXPECTED", "an extra delim-pkt", "0001");
    if (this.#section === "acknowledgments" && !this.#readyLine) {
      throw fetchResponseError("DELIM_WITHOUT_READY", "more sections though the server is not ready", "0001");
    }
    this.#section = undefined;
    return "more";
  }

  #onFlush(): GrammarStep {
    if (this.#section !== "acknowledgments") {
      throw fetchResponseError("FLUSH_UNEXPECTED", "a flush-pkt before the pack", "0000");
    }
    if (this.#readyLine) throw fetchResponseError("READY_WITHOUT_DELIM", "ready and then no pack", "0000");
    return "end";
  }
}
