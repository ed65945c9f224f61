/** A folder that is gone with the test that made it. */

import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
  /** A path inside the folder. */
  join(...segments: string[]): string;
}

/** Make a folder for one test. */
export function temporaryFolder(label = "test"): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), `gitsync-${label}-`));
  return {
    path,
    join: (...segments) => join(path, ...segments),
    // A server that was told to stop may still write a last file: try again then.
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  };
}
