/** What a process has used of the machine so far, from /proc: these figures are those of Linux. */

import { readFileSync } from "node:fs";
import { descendantsOf } from "../support/process-tree.ts";

/** User and system time of one process, its children left out. Ticks are hundredths of a second wherever Linux runs. */
export function cpuMs(pid: number): number {
  const [user = 0, system = 0] = timesOf(pid);
  return user + system;
}

/** User and system time of a process, of its children that live and of those that it saw end. */
export function familyCpuMs(pid: number): number {
  const family = [pid, ...descendantsOf(pid).map((entry) => entry.pid)];
  return family.reduce((sum, member) => sum + timesOf(member).reduce((all, time) => all + time, 0), 0);
}

/** Memory that a process holds now. */
export function residentBytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/mu.exec(read(`/proc/${pid}/status`))?.[1];
  return Number(kibibytes ?? Number.NaN) * 1_024;
}

/** User, system, and the same of children that ended; zeros for a process that is gone. */
function timesOf(pid: number): readonly number[] {
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /u, "")
    .split(" ");
  return [11, 12, 13, 14].map((index) => Number(fields[index] ?? 0) * 10);
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
