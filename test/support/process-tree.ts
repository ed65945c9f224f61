/** Looks at the processes of this machine through /proc; empty answers where there is none. */

import { readdirSync, readFileSync } from "node:fs";

export interface ProcessEntry {
  readonly pid: number;
  readonly command: string;
}

/** Every process that descends from `pid`, zombies left out. */
export function descendantsOf(pid: number = process.pid): readonly ProcessEntry[] {
  const children = new Map<number, ProcessEntry[]>();
  for (const { parent, entry } of allProcesses()) {
    children.set(parent, [...(children.get(parent) ?? []), entry]);
  }
  const below = (parent: number): ProcessEntry[] =>
    (children.get(parent) ?? []).flatMap((entry) => [entry, ...below(entry.pid)]);
  return below(pid);
}

function allProcesses(): { readonly parent: number; readonly entry: ProcessEntry }[] {
  return folders("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const stat = read(`/proc/${name}/stat`);
    // The command is in parentheses and may hold any character, parentheses too.
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === undefined || state === "Z" || parent === undefined) return [];
    const command = read(`/proc/${name}/cmdline`).replaceAll("\0", " ").trim();
    return [{ parent: Number(parent), entry: { pid: Number(name), command } }];
  });
}

function folders(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** A process may end while it is looked at; then there is nothing to read. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
