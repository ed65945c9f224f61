/** Where the programs that tests run against are. Looks at files only; starts nothing. */

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Folders of servers that an ordinary user's PATH leaves out. */
const SYSTEM_FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/** What Chromium is called; the first that is found is taken. */
export const CHROMIUM_COMMANDS: readonly string[] = ["chromium", "chromium-browser", "google-chrome"];

/** The full path of a program, or undefined when this machine lacks it. */
export function findCommand(name: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return [...folders, ...SYSTEM_FOLDERS].map((folder) => join(folder, name)).find(isExecutable);
}

/** The full path of a program that the caller knows to be needed. */
export function requireCommand(name: string): string {
  const path = findCommand(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
