/** A log file that cannot fill the disk: at a megabyte it becomes `.1`, and a new one begins. */

import { appendFileSync, renameSync, statSync } from "node:fs";

const MAX_BYTES = 1024 * 1024;

export interface BoundedLog {
  /** Append a line with the time in front. Never throws: a full disk must not stop the database. */
  write(line: string): void;
}

/** Append to `path`, which need not exist. */
export function createBoundedLog(path: string, maxBytes: number = MAX_BYTES): BoundedLog {
  return {
    write(line) {
      try {
        const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
        if (size > maxBytes) renameSync(path, `${path}.1`);
        appendFileSync(path, `${new Date().toISOString()} ${line.trimEnd()}\n`, { mode: 0o600 });
      } catch {
        // Nowhere left to say it.
      }
    },
  };
}
