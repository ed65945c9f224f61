/** Says once that nobody takes what a process sends about itself, and once that somebody does again. */

import { errorText } from "./errors.ts";
import type { Logger } from "./logger.ts";
import { storableText } from "./storable.ts";

/** How an export ended: `code` 0 is a success. */
export interface ExportOutcome {
  readonly code: number;
  readonly error?: Error;
}

/** An answer may be a page of text, and it may hold anything. */
const MAX_MESSAGE = 300;

export function createExportLog(
  logger: Logger,
  signal: "traces" | "metrics",
): (outcome: ExportOutcome) => void {
  let isLost = false;
  return ({ code, error }) => {
    if (isLost === (code !== 0)) return;
    isLost = code !== 0;
    if (!isLost) {
      logger.info({ signal }, "Telemetry is taken again");
      return;
    }
    const reason = storableText(errorText(error), MAX_MESSAGE);
    logger.warn({ signal, reason }, "Nobody takes the telemetry: it is dropped until somebody does");
  };
}
