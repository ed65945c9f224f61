/** What an `include` pattern finds, and the folders in which it may find more one day. */

import { glob } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

const WILDCARD = /[*?[{]/u;

/** Absolute paths. */
export interface IncludedFiles {
  /** In order of their names. */
  readonly files: readonly string[];
  /** Each changes when a file or a folder that the pattern finds comes or goes there. */
  readonly folders: readonly string[];
}

export function isPattern(text: string): boolean {
  return WILDCARD.test(text);
}

/** Look below `folder`. Of a name without wildcards it is not said whether it is there. */
export async function findIncluded(pattern: string, folder: string): Promise<IncludedFiles> {
  const whole = resolve(folder, pattern);
  const files: string[] = [];
  for await (const entry of glob(whole, { withFileTypes: true })) {
    if (!entry.isDirectory()) files.push(join(entry.parentPath, entry.name));
  }
  return { files: files.toSorted(), folders: await foldersOf(whole) };
}

/** The last folder before the first wildcard, and every folder that a further part of the pattern walks into. */
async function foldersOf(whole: string): Promise<readonly string[]> {
  const before = whole.slice(0, isPattern(whole) ? whole.search(WILDCARD) : undefined);
  const first = dirname(`${before}x`);
  const folders = new Set([first]);
  const parts = partsOf(whole.slice(first.length + (first.endsWith("/") ? 0 : 1)));
  for (const end of parts.keys()) {
    if (end === parts.length - 1) break;
    const walked = join(first, ...parts.slice(0, end + 1));
    for await (const entry of glob(walked, { withFileTypes: true })) {
      if (!entry.isFile()) folders.add(join(entry.parentPath, entry.name));
    }
  }
  return [...folders];
}

/** At the slashes, but not at those between braces or brackets. */
function partsOf(pattern: string): readonly string[] {
  const parts = [""];
  let depth = 0;
  for (const character of pattern) {
    if (character === "{" || character === "[") depth += 1;
    if (character === "}" || character === "]") depth -= 1;
    if (character === "/" && depth <= 0) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts;
}
