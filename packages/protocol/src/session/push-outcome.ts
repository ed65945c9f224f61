// What became of each command of a push. Pure.

import type { RefName } from "../ref-name.ts";
import type { RefReport, ReportStatus } from "../report-status.ts";
import type { RefUpdateCommand } from "../ref-update-command.ts";

/** What became of one command. */
export type CommandOutcome =
  | {
      readonly type: "ok";
      readonly command: RefUpdateCommand;
      /** What was done instead of what was asked, if anything; a server may do several things for one command. */
      readonly reports: readonly RefReport[];
    }
  | { readonly type: "ng"; readonly command: RefUpdateCommand; /** Sanitised. */ readonly reason: string }
  /** The report does not mention it. git takes that for a failure; the ref itself knows better. */
  | { readonly type: "unreported"; readonly command: RefUpdateCommand };

/** What became of a push. */
export type PushOutcome =
  | {
      readonly type: "reported";
      readonly report: ReportStatus;
      /** In the order of the commands. */
      readonly commands: readonly CommandOutcome[];
      /** Refs that the server reports on although nobody asked. */
      readonly strangers: readonly RefName[];
    }
  /** The server did not say. List its refs to know. */
  | { readonly type: "unknown" };

/**
 * Lay a report beside the commands it is about: gitprotocol-pack(5), "Report Status".
 *
 * A ref that is reported both ways has failed. Reasons and errors stay the server's, sanitised.
 */
export function matchReport(
  commands: readonly RefUpdateCommand[],
  report: ReportStatus,
): Extract<PushOutcome, { readonly type: "reported" }> {
  const reports = new Map<RefName, RefReport[]>();
  const reasons = new Map<RefName, string>();
  for (const status of report.commands) {
    if (status.type === "ng") reasons.set(status.ref, status.reason);
    else {
      const known = reports.get(status.ref);
      if (known === undefined) reports.set(status.ref, [status.options]);
      else known.push(status.options);
    }
  }
  const asked = new Set(commands.map(({ ref }) => ref));
  return {
    type: "reported",
    report,
    commands: commands.map((command) =>
      outcomeOf(command, reasons.get(command.ref), reports.get(command.ref)),
    ),
    strangers: [...new Set([...reasons.keys(), ...reports.keys()])].filter((ref) => !asked.has(ref)),
  };
}

function outcomeOf(
  command: RefUpdateCommand,
  reason: string | undefined,
  reports: readonly RefReport[] | undefined,
): CommandOutcome {
  if (reason !== undefined) return { type: "ng", command, reason };
  if (reports === undefined) return { type: "unreported", command };
  return { type: "ok", command, reports: reports.filter((report) => Object.keys(report).length > 0) };
}
