/** Which processes talk to a port of this machine: from the kernel's own tables, so nobody has to say so. */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The established TCP connections that a process holds to a loopback port. Linux only. */
export function connectionsTo(port: number, pid: number): number {
  const remote = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set(
    readFileSync("/proc/net/tcp", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/u))
      .filter((fields) => fields[2]?.endsWith(`:${remote}`) === true && fields[3] === "01")
      .map((fields) => fields[9]),
  );
  return descriptorsOf(pid).filter((link) => inodes.has(/^socket:\[(\d+)\]$/u.exec(link)?.[1])).length;
}

function descriptorsOf(pid: number): readonly string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).map((name) => readlinkSync(`${folder}/${name}`));
  } catch {
    return []; // The process ended, or closed a descriptor while it was read.
  }
}
