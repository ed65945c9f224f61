// What a server says to a push, as it was agreed: a report, progress alone, or nothing.

import type { CapabilityList } from "../capabilities.ts";
import type { ProtocolLimits } from "../limits.ts";
import { SidebandDecoder } from "../pkt-line/sideband-decoder.ts";
import { ReportStatusDecoder } from "../report-status-decoder.ts";
import type { RefUpdateCommand } from "../ref-update-command.ts";
import { matchReport, type PushOutcome } from "./push-outcome.ts";

/** Options of {@link PushAnswer}. */
export interface PushAnswerOptions {
  readonly onProgress?: (view: Uint8Array) => void;
  readonly limits: ProtocolLimits;
}

const NOTHING: Uint8Array = new Uint8Array(0);

/** Reads the answer to a push: gitprotocol-pack(5), "Report Status". */
export class PushAnswer {
  readonly #report: ReportStatusDecoder | undefined;
  /** Without a report side-band still carries progress, and errors. */
  readonly #sideband: SidebandDecoder | undefined;

  /** `agreed` are the capabilities that were sent. */
  constructor(agreed: CapabilityList, options: PushAnswerOptions) {
    const sideband = agreed.has("side-band-64k");
    const v2 = agreed.has("report-status-v2");
    if (v2 || agreed.has("report-status"))
      this.#report = new ReportStatusDecoder({ ...options, sideband, v2 });
    else if (sideband) this.#sideband = new SidebandDecoder({ ...options, onPack: () => {} });
  }

  /** @returns true at the end of the answer; where there is neither report nor side-band it ends with its stream. */
  feed(chunk: Uint8Array): boolean {
    return this.#report?.feed(chunk) ?? this.#sideband?.feed(chunk) ?? false;
  }

  /** Nothing comes behind an answer to a push that is not part of it, a repeated flush-pkt at most. */
  rest(): Uint8Array {
    return NOTHING;
  }

  /** What became of `commands`. @throws {ProtocolError} when an agreed report is missing or cut. */
  outcome(commands: readonly RefUpdateCommand[]): PushOutcome {
    if (this.#report === undefined) return { type: "unknown" };
    return matchReport(commands, this.#report.finish());
  }
}
