/** One spelling for a repository of this machine, so that two names of it are seen to be one. */

import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * The `file://` URL of a path's real place. Links are resolved as far as the path exists, because a target may
 * have to be created first.
 */
export function localUrl(path: string): string {
  return pathToFileURL(realPath(path)).href;
}

function realPath(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  const parent = dirname(path);
  return parent === path ? path : join(realPath(parent), basename(path));
}
