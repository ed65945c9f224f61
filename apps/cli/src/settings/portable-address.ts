/** Makes what a person typed mean the same in every process: a relative path becomes absolute. */

import { existsSync } from "node:fs";
import { resolve } from "node:path";

/**
 * The address as other processes understand it.
 *
 * As in git, text without `://` is a path unless a colon comes before its first slash (`host:path`, ssh) and no
 * such file exists.
 */
export function portableAddress(text: string, cwd: string): string {
  if (text === "" || /^[a-z][a-z0-9+.-]*:\/\//iu.test(text) || /^[a-z][a-z0-9+.-]*::/iu.test(text))
    return text;
  const path = resolve(cwd, text);
  return /^[^/]+:/u.test(text) && !existsSync(path) ? text : path;
}
