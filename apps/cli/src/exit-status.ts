/** What the shell learns from a run. One table for every command. */

import type { SyncResult } from "@gitsync/engine";

export const EXIT = Object.freeze({
  /** Converged, or a plan without blocks. */
  ok: 0,
  /** Failed, or what the target did is not known. */
  failed: 1,
  /** Bad usage or configuration. */
  usage: 2,
  /** Refs were blocked or refused. */
  refs: 3,
  /** Ended by a signal. */
  interrupted: 130,
});

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** Error codes that mean that the command line or the configuration has to change. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  "USAGE",
  "REQUEST_INVALID",
  "URL_INVALID",
  "SAME_REPOSITORY",
  "CONFIG_INVALID",
  "ENVIRONMENT_INVALID",
  "QUEUE_URL_INVALID",
  "EMBEDDED_DIRECTORY_UNUSABLE",
  "LISTEN_INVALID",
  "LISTEN_NEEDS_TOKEN",
]);

/** The status for a run that ended with a result. */
export function exitStatusOfResult(result: SyncResult): ExitStatus {
  const { counts, execution } = result;
  if (counts.unknown > 0) return EXIT.failed;
  if (counts.blocked + counts.refused + counts.warned > 0) return EXIT.refs;
  return execution.dryRun || execution.converged ? EXIT.ok : EXIT.failed;
}

/** Codes that end a run whose refs tell what happened. */
const REFS_CODES: ReadonlySet<string> = new Set(["REFS_BLOCKED", "REFS_REFUSED", "PUSH_REFUSED"]);

/** The status for a run that ended with an error of this code, and with a result if it got that far. */
export function exitStatusOfCode(code: string, result?: SyncResult): ExitStatus {
  if (USAGE_CODES.has(code)) return EXIT.usage;
  if (code === "ABORTED") return EXIT.interrupted;
  if (!REFS_CODES.has(code)) return EXIT.failed;
  if (result === undefined) return code === "PUSH_REFUSED" ? EXIT.failed : EXIT.refs;
  const status = exitStatusOfResult(result);
  return status === EXIT.ok ? EXIT.failed : status;
}
