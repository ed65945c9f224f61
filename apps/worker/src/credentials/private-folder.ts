/**
 * A folder that only its owner may enter, for what ssh takes as files only. It goes with its process; that of a
 * process that was killed is removed by the next one, which knows whose it was from its name:
 * `git-sync-ssh-MACHINE-PID-STARTED-RANDOM`.
 */

import { createHash } from "node:crypto";
import { lstat, mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

const PREFIX = "git-sync-ssh-";
const NAME = /^git-sync-ssh-([0-9a-f]{8})-(\d+)-(\d+)-[^-/]+$/u;

/** Make one of this process. */
export async function makePrivateFolder(): Promise<string> {
  const [machine, started] = await Promise.all([machineOfPids(), startOf(process.pid)]);
  return await mkdtemp(join(tmpdir(), `${PREFIX}${machine}-${process.pid}-${started ?? 0}-`));
}

/** Remove those whose process is gone. Leaves what another account, machine or container made. */
export async function removeAbandonedFolders(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(PREFIX));
  if (names.length === 0) return;
  const machine = await machineOfPids();
  for (const name of names) {
    const [, of, pid, started] = NAME.exec(name) ?? [];
    if (of !== machine || (await startOf(Number(pid))) === started) continue;
    const path = join(tmpdir(), name);
    const found = await lstat(path).catch(() => undefined);
    if (found?.isDirectory() !== true || found.uid !== process.getuid?.()) continue;
    await rm(path, { recursive: true, force: true });
  }
}

/** Names where process ids mean what they mean here: containers that share a folder do not share their processes. */
async function machineOfPids(): Promise<string> {
  const namespace = await readlink("/proc/self/ns/pid").catch(() => "");
  return createHash("sha256").update(`${hostname()} ${namespace}`).digest("hex").slice(0, 8);
}

/**
 * When a process began, in the kernel's ticks (proc(5), `starttime`), so that its id can be told from the same id
 * later; `0` where the kernel does not say, `undefined` when there is no such process.
 */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The second field is a name in parentheses and may hold anything.
  if (stat !== undefined) return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return isAlive(pid) ? "0" : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
