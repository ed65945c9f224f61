// What became of a push: the types of a report-status, and its writer.

import type { ObjectId } from "./object-id.ts";
import { PktLineWriter } from "./pkt-line/pkt-line-encoder.ts";
import { SidebandEncoder } from "./pkt-line/sideband-encoder.ts";
import type { RefName } from "./ref-name.ts";

/**
 * What a server says it did instead of what was asked; report-status-v2 only.
 * gitprotocol-pack(5), "Report Status".
 */
export interface RefReport {
  readonly refName?: RefName;
  readonly oldId?: ObjectId;
  readonly newId?: ObjectId;
  readonly forcedUpdate?: boolean;
}

/**
 * The outcome of one command. A server may report one command several times, and under other names, so match by
 * `ref`; a command it does not mention has failed. gitprotocol-pack(5), "Report Status".
 */
export type CommandStatus =
  | { readonly type: "ok"; readonly ref: RefName; readonly options: RefReport }
  | { readonly type: "ng"; readonly ref: RefName; /** Sanitised. */ readonly reason: string };

/**
 * Whether the server could store the pack. When not, every command failed, and is still listed.
 * gitprotocol-pack(5), "Report Status".
 */
export type UnpackStatus =
  | { readonly ok: true }
  | { readonly ok: false; /** Sanitised. */ readonly error: string };

/** A report: gitprotocol-pack(5), "Report Status". */
export interface ReportStatus {
  readonly unpack: UnpackStatus;
  readonly commands: readonly CommandStatus[];
}

/**
 * A report, inside band 1 with its own pkt-lines and flush-pkt when `sideband`, as git nests it: gitprotocol-pack(5),
 * "Report Status". A new array.
 *
 * Options of `ok` lines are written only when `v2`.
 */
export function encodeReportStatus(
  report: ReportStatus,
  options: { readonly sideband: boolean; readonly v2: boolean },
): Uint8Array {
  const writer = new PktLineWriter();
  writer.line(report.unpack.ok ? "unpack ok\n" : `unpack ${report.unpack.error}\n`);
  for (const status of report.commands) {
    if (status.type === "ng") {
      writer.line(`ng ${status.ref} ${status.reason}\n`);
      continue;
    }
    writer.line(`ok ${status.ref}\n`);
    if (options.v2) writeOptions(writer, status.options);
  }
  const inner = writer.flush().take();
  if (!options.sideband) return inner;
  return writer.raw(new SidebandEncoder().pack(inner)).flush().take();
}

function writeOptions(writer: PktLineWriter, options: RefReport): void {
  if (options.refName !== undefined) writer.line(`option refname ${options.refName}\n`);
  if (options.oldId !== undefined) writer.line(`option old-oid ${options.oldId}\n`);
  if (options.newId !== undefined) writer.line(`option new-oid ${options.newId}\n`);
  if (options.forcedUpdate === true) writer.line("option forced-update\n");
}
