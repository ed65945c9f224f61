/** Where things are in this repository, for checks that read its files. */

import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The root of the checkout. */
export const ROOT = join(import.meta.dirname, "..", "..");

/** What the checks read of a `package.json`. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly private?: boolean;
  readonly workspaces?: readonly string[];
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly allowScripts?: Readonly<Record<string, boolean>>;
}

/** A package of this repository. */
export interface Workspace {
  /** Relative to the root, with forward slashes; empty for the root itself. */
  readonly folder: string;
  readonly manifest: Manifest;
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** A JSON file as `T`: these are our own files, which the tools that own their shape check. */
export function readJson<T>(path: string): T {
  return JSON.parse(readText(path)) as T;
}

export function exists(path: string): boolean {
  return existsSync(join(ROOT, path));
}

/** Files that match, relative to the root, sorted; never those that are installed or built. */
export function filesOf(...patterns: readonly string[]): readonly string[] {
  const skipped = new Set(["node_modules", "dist", ".git", ".turbo", "coverage"]);
  return globSync(patterns, {
    cwd: ROOT,
    withFileTypes: true,
    exclude: (entry) => skipped.has(entry.name),
  })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(ROOT.length + 1)
        .replaceAll("\\", "/"),
    )
    .sort();
}

/** Every package of the repository but the root, sorted by folder. */
export function workspaces(): readonly Workspace[] {
  const patterns = readJson<Manifest>("package.json").workspaces ?? [];
  return filesOf(...patterns.map((pattern) => `${pattern}/package.json`)).map((path) => ({
    folder: path.slice(0, -"/package.json".length),
    manifest: readJson<Manifest>(path),
  }));
}
