/**
 * One supervisor per directory, decided by the kernel.
 *
 * A lock file with a process id in it can be stale, and taking over a stale one is a race. SQLite, which is part
 * of Node, takes POSIX record locks: they end with the process that holds them, however it ends.
 */

import { DatabaseSync } from "node:sqlite";
import { pause } from "../deadline.ts";

const RETRY_MS = 25;
/** SQLITE_BUSY, "the database file could not be written because another connection holds it". */
const SQLITE_BUSY = 5;

/**
 * Hold the lock until this process ends. Tries until `giveUp()` says that somebody else does the work, or `ms` have
 * passed.
 */
export async function holdLock(path: string, giveUp: () => Promise<boolean>, ms: number): Promise<boolean> {
  const endsAt = performance.now() + ms;
  const database = new DatabaseSync(path, { timeout: 0 });
  database.exec("PRAGMA journal_mode = MEMORY");
  for (;;) {
    try {
      database.exec("BEGIN EXCLUSIVE");
      held.add(database);
      return true;
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
    if ((await giveUp()) || performance.now() >= endsAt) {
      database.close();
      return false;
    }
    await pause(RETRY_MS);
  }
}

/** A connection that is collected as garbage gives up its lock. */
const held = new Set<DatabaseSync>();

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}
