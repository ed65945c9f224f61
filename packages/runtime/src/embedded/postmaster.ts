/** PostgreSQL's own record of a running server, `postmaster.pid`, and the process it names. */

import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { errorCode } from "../errors.ts";

export interface Postmaster {
  readonly pid: number;
  /** True once it takes connections. */
  readonly isReady: boolean;
}

/**
 * The living server of a data directory. A record whose process is gone is PostgreSQL's to clean up; one whose
 * process id now belongs to another program would stop PostgreSQL from starting, so it is removed here.
 *
 * Source: PostgreSQL `src/include/utils/pidfile.h` (line 1 pid, line 8 status).
 */
export async function findPostmaster(data: string): Promise<Postmaster | undefined> {
  const path = join(data, "postmaster.pid");
  const lines = (await readFile(path, "utf8").catch(() => "")).split("\n");
  const pid = Number.parseInt(lines[0] ?? "", 10);
  if (!Number.isInteger(pid) || pid <= 1 || !(await isRunning(pid))) return undefined;
  if (!(await isServerOf(pid, data))) {
    await rm(path, { force: true });
    return undefined;
  }
  return { pid, isReady: lines[7]?.trim() === "ready" };
}

/** Whether a process runs, ours or not. One that ended and waits for its parent to notice does not. */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) !== "EPERM") return false;
  }
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name before the state is in parentheses and may hold any character.
  return !stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
}

/** Whether the process was started with this data directory; anything else with that number is not ours to signal. */
async function isServerOf(pid: number, data: string): Promise<boolean> {
  const linux = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => undefined);
  if (linux !== undefined) return linux.split("\0").includes(data);
  const listed = await promisify(execFile)("ps", ["-o", "command=", "-p", String(pid)]).catch(
    () => undefined,
  );
  return listed?.stdout.includes(`-D ${data} `) === true;
}
