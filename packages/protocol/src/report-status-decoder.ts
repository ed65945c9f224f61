// Reads report-status, plain or inside side-band.

import { ProtocolError, type ProtocolErrorCode } from "./errors.ts";
import { type ProtocolLimits, resolveLimits } from "./limits.ts";
import type { MessageDecoder } from "./message-decoder.ts";
import { isObjectId } from "./object-id.ts";
import type { PktLineKind } from "./pkt-line/packet-scanner.ts";
import { PktLineDecoder } from "./pkt-line/pkt-line-decoder.ts";
import { textOf } from "./pkt-line/pkt-line-encoder.ts";
import { throwIfErrPacket } from "./pkt-line/remote-error.ts";
import { SidebandDecoder } from "./pkt-line/sideband-decoder.ts";
import { isValidRefName, type RefName } from "./ref-name.ts";
import type { CommandStatus, RefReport, ReportStatus, UnpackStatus } from "./report-status.ts";
import { sanitizeText } from "./sanitize-text.ts";

/** Options of {@link ReportStatusDecoder}. */
export interface ReportStatusDecoderOptions {
  /** side-band-64k was agreed. */
  readonly sideband: boolean;
  /** report-status-v2 was agreed. */
  readonly v2: boolean;
  /** Band 2: views of the fed chunks, of any size. Feed them to `ProgressLines` before showing them. */
  readonly onProgress?: (view: Uint8Array) => void;
  readonly limits?: Partial<ProtocolLimits>;
}

interface MutableReport {
  refName?: NonNullable<RefReport["refName"]>;
  oldId?: NonNullable<RefReport["oldId"]>;
  newId?: NonNullable<RefReport["newId"]>;
  forcedUpdate?: boolean;
}

const LETTER_U = 0x75;

/**
 * Decodes the answer to a push: gitprotocol-pack(5), "Report Status".
 *
 * Under side-band the report has its own pkt-lines, cut anywhere by the outer ones; its flush-pkt ends the report and
 * the outer flush-pkt ends the answer. Progress may follow the report. Servers that forget the outer flush-pkt, write
 * it twice, or answer plainly although side-band was agreed are understood.
 */
export class ReportStatusDecoder implements MessageDecoder<ReportStatus> {
  readonly #v2: boolean;
  readonly #limits: ProtocolLimits;
  readonly #inner: PktLineDecoder;
  readonly #outer: SidebandDecoder;
  #mode: "undecided" | "plain" | "side-band" = "undecided";
  /** The first bytes, until they tell a plain answer from side-band. */
  #head: Uint8Array = new Uint8Array(0);
  #unpack: UnpackStatus | undefined;
  readonly #commands: CommandStatus[] = [];
  #lastOptions: MutableReport | undefined;
  #reportDone = false;
  #done = false;
  #reportBytes = 0;
  #reportLines = 0;
  #truncatedAfterReport = false;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(options: ReportStatusDecoderOptions) {
    this.#v2 = options.v2;
    this.#limits = resolveLimits(options.limits);
    this.#inner = new PktLineDecoder(this.#limits);
    const progress = options.onProgress === undefined ? {} : { onProgress: options.onProgress };
    this.#outer = new SidebandDecoder({
      onPack: (view) => {
        this.#feedReport(view);
      },
      ...progress,
      limits: this.#limits,
    });
    if (!options.sideband) this.#mode = "plain";
  }

  /** True when the stream ended after a whole report but before the flush-pkt of side-band. */
  get truncatedAfterReport(): boolean {
    return this.#truncatedAfterReport;
  }

  /**
   * Decode a chunk of any size.
   *
   * @returns true at the end of the answer; later bytes, such as a second flush-pkt, are in {@link rest}.
   * @throws {ProtocolError} the `REPORT_*` codes (`REPORT_MISSING`: ended without a report), `REMOTE_ERROR`,
   * `SIDEBAND_INVALID`, `LIMIT_EXCEEDED`, `NOT_GIT`, the `PKT_*` codes.
   */
  feed(chunk: Uint8Array): boolean {
    if (this.#done) {
      this.#rest = chunk;
      return true;
    }
    let bytes = chunk;
    if (this.#mode === "undecided") {
      bytes = new Uint8Array(this.#head.length + chunk.length);
      bytes.set(this.#head);
      bytes.set(chunk, this.#head.length);
      this.#head = bytes;
      if (bytes.length < 5) return false;
      // 117 is the `u` of `unpack`: no band, but what a server without side-band starts with.
      this.#mode = bytes[4] === LETTER_U ? "plain" : "side-band";
    }
    const decoder = this.#mode === "plain" ? this.#inner : this.#outer;
    if (this.#mode === "plain") {
      this.#feedReport(bytes);
      this.#done = this.#reportDone;
    } else this.#done = this.#outer.feed(bytes);
    if (!this.#done) return false;
    this.#requireReport();
    this.#rest = decoder.rest();
    return true;
  }

  /** After the end: bytes of the last chunk behind the answer. A view. */
  rest(): Uint8Array {
    return this.#rest;
  }

  /**
   * The report, once the stream ended or {@link feed} returned true.
   *
   * @throws {ProtocolError} `REPORT_MISSING` when there was none, `PKT_TRUNCATED` or `STREAM_TRUNCATED` when it was cut.
   */
  finish(): ReportStatus {
    if (!this.#done) {
      if (this.#mode === "undecided") {
        this.#mode = "side-band";
        this.#outer.feed(this.#head);
      }
      this.#truncatedAfterReport = this.#reportDone;
      this.#requireReport();
      this.#done = true;
    }
    return { unpack: this.#unpack ?? { ok: true }, commands: this.#commands };
  }

  #requireReport(): void {
    if (this.#reportDone) return;
    this.#inner.finish();
    if (this.#reportBytes > 0) {
      throw new ProtocolError(
        "STREAM_TRUNCATED",
        "Cannot read report-status: it ended before its flush-pkt",
        {
          phase: "report-status",
        },
      );
    }
    if (this.#mode === "side-band" && !this.#outer.done && this.#outer.insidePacket) this.#outer.finish();
    throw new ProtocolError(
      "REPORT_MISSING",
      "Cannot learn the outcome of the push: the server sent no report",
      {
        phase: "report-status",
      },
    );
  }

  #feedReport(bytes: Uint8Array): void {
    this.#reportBytes += bytes.length;
    if (this.#reportBytes > this.#limits.maxReportBytes) throw exceeded("maxReportBytes");
    // After the flush-pkt of the report nothing in band 1 belongs to it.
    if (!this.#reportDone) this.#inner.feed(bytes, this.#onPacket);
  }

  readonly #onPacket = (kind: PktLineKind, payload: Uint8Array): boolean => {
    if (kind === "flush") {
      if (this.#unpack === undefined) this.#missing();
      this.#reportDone = true;
      return false;
    }
    if (kind !== "data") {
      const code = kind === "delim" ? "DELIM_UNEXPECTED" : "RESPONSE_END_UNEXPECTED";
      throw this.#invalid(code, `a ${kind}-pkt`, payload);
    }
    throwIfErrPacket(payload, 0, payload.length, "report-status", this.#limits);
    this.#reportLines += 1;
    if (this.#reportLines > this.#limits.maxReportLines) throw exceeded("maxReportLines");
    if (this.#unpack === undefined) this.#onUnpack(payload);
    else this.#onStatus(payload);
    return true;
  };

  #missing(): never {
    throw new ProtocolError("REPORT_MISSING", "Cannot learn the outcome of the push: the report is empty", {
      phase: "report-status",
    });
  }

  #onUnpack(payload: Uint8Array): void {
    const line = textOf(payload);
    if (!line.startsWith("unpack ")) throw this.#invalid("REPORT_UNPACK_INVALID", "no unpack line", payload);
    const error = line.slice(7);
    this.#unpack = error === "ok" ? { ok: true } : { ok: false, error: this.#sanitize(error) };
  }

  #onStatus(payload: Uint8Array): void {
    const line = textOf(payload);
    if (line.startsWith("ok ") && line.length > 3) {
      const options: MutableReport = {};
      this.#lastOptions = options;
      this.#commands.push({ type: "ok", ref: line.slice(3) as RefName, options });
    } else if (line.startsWith("ng ") && line.length > 3) {
      const split = line.indexOf(" ", 3);
      const ref = (split === -1 ? line.slice(3) : line.slice(3, split)) as RefName;
      const reason = split === -1 ? "" : line.slice(split + 1);
      this.#lastOptions = undefined;
      this.#commands.push({ type: "ng", ref, reason: reason === "" ? "failed" : this.#sanitize(reason) });
    } else if (line.startsWith("option ")) {
      if (this.#lastOptions === undefined) {
        throw this.#invalid("REPORT_OPTION_INVALID", "an option without its ok line", payload);
      }
      if (this.#v2) takeOption(this.#lastOptions, line.slice(7));
    } else throw this.#invalid("REPORT_STATUS_INVALID", "a line that is no status", payload);
  }

  #sanitize(text: string): string {
    return sanitizeText(text, { maxLength: this.#limits.maxRemoteMessageLength });
  }

  #invalid(code: ProtocolErrorCode, found: string, excerpt: Uint8Array): ProtocolError {
    return new ProtocolError(code, `Cannot read report-status: found ${found}`, {
      phase: "report-status",
      excerpt,
    });
  }
}

function exceeded(limit: "maxReportBytes" | "maxReportLines"): ProtocolError {
  return new ProtocolError("LIMIT_EXCEEDED", "Cannot read report-status: it is too long", {
    phase: "report-status",
    details: { limit },
  });
}

/** Options that are unknown or unusable are left out, as git does. */
function takeOption(options: MutableReport, text: string): void {
  const split = text.indexOf(" ");
  const key = split === -1 ? text : text.slice(0, split);
  const value = split === -1 ? "" : text.slice(split + 1);
  const oid = value.toLowerCase();
  if (key === "refname" && isValidRefName(value)) options.refName = value as RefName;
  else if (key === "old-oid" && isObjectId(oid)) options.oldId = oid;
  else if (key === "new-oid" && isObjectId(oid)) options.newId = oid;
  else if (key === "forced-update") options.forcedUpdate = true;
}
