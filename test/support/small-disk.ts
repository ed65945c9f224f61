/** A disk that is soon full: a file system in memory of a few megabytes, which only root may mount. */

import { spawnSync } from "node:child_process";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { findCommand, requireCommand } from "./commands.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface SmallDisk extends AsyncDisposable {
  /** Where it is mounted; others may enter. */
  readonly path: string;
  /** Use all that is left. */
  fill(): void;
  /** Give that back. */
  free(): void;
}

/** Whether this account may mount one. */
export function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const folder = temporaryFolder("mount");
  const isMounted = mount(folder.path, "64k");
  if (isMounted) unmount(folder.path);
  rmSync(folder.path, { recursive: true, force: true });
  return isMounted;
}

/** Mount one of a size such as `64k` or `128m`. */
export function smallDisk(label: string, size: string): SmallDisk {
  const folder = temporaryFolder(label);
  if (!mount(folder.path, size)) throw new Error("cannot mount a file system in memory");
  const filler = join(folder.path, "filler");
  return {
    path: folder.path,
    fill: () => {
      const file = openSync(filler, "w");
      for (const chunk of [Buffer.alloc(1024 * 1024), Buffer.alloc(4096)])
        while (hasWritten(file, chunk)) continue;
      closeSync(file);
    },
    free: () => rmSync(filler, { force: true }),
    [Symbol.asyncDispose]: async () => {
      unmount(folder.path);
      await folder[Symbol.asyncDispose]();
    },
  };
}

function hasWritten(file: number, chunk: Buffer): boolean {
  try {
    return writeSync(file, chunk) === chunk.length;
  } catch {
    return false;
  }
}

function mount(path: string, size: string): boolean {
  const args = ["-t", "tmpfs", "-o", `size=${size},mode=0711`, "git-sync-test", path];
  const program = findCommand("mount");
  return program !== undefined && spawnSync(program, args, { stdio: "ignore" }).status === 0;
}

/** Lazily: whoever still has a file open there goes on with it. */
function unmount(path: string): void {
  spawnSync(requireCommand("umount"), ["--lazy", path], { stdio: "ignore" });
}
