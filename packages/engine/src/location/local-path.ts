/** Paths of local repositories, links resolved: where git would enter, and whether one lies in another. */

import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";

/** A file that names a folder holds a path and little else. */
const MAX_POINTER_BYTES = 8_192;

/**
 * The real path of the folder that holds the refs and objects of `path`: of a linked work tree or a submodule that
 * is the repository it belongs to. A path without a repository is returned with its links resolved.
 *
 * git tries the same endings in the same order: `enter_repo`, gitrepository-layout(5), "commondir".
 */
export function repositoryFolder(path: string): string {
  for (const candidate of [join(path, ".git"), path, join(`${path}.git`, ".git"), `${path}.git`]) {
    const folder = gitFolderAt(candidate);
    if (folder !== undefined) return commonFolder(folder);
  }
  return realPathOf(path);
}

/** Whether `path` lies in `folder` (or is it), links resolved on both sides. */
export function liesIn(path: string, folder: string): boolean {
  const way = relative(realPathOf(folder), realPathOf(path));
  return way === "" || (!way.startsWith("..") && !isAbsolute(way));
}

/** Whether nothing is at `path` yet, nor at `path` with `.git`. */
export function isMissing(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) === undefined && !existsSync(`${path}.git`);
}

/** A git folder at `path`, or the one that a file there names (`gitdir: …`). */
function gitFolderAt(path: string): string | undefined {
  if (existsSync(join(path, "HEAD"))) return realpathSync(path);
  const named = /^gitdir: (.+)$/mu.exec(textOf(path))?.[1]?.trimEnd();
  if (named === undefined) return undefined;
  const folder = resolve(dirname(realpathSync(path)), named);
  return existsSync(join(folder, "HEAD")) ? realpathSync(folder) : undefined;
}

/** A linked work tree has a HEAD of its own and shares the rest. */
function commonFolder(folder: string): string {
  const named = textOf(join(folder, "commondir")).trim();
  return named === "" ? folder : realPathOf(resolve(folder, named));
}

/** A small file; empty when there is none. */
function textOf(path: string): string {
  try {
    const found = statSync(path);
    return found.isFile() && found.size <= MAX_POINTER_BYTES ? readFileSync(path, "utf8") : "";
  } catch {
    return "";
  }
}

/** The path with every link in its existing part resolved. */
function realPathOf(path: string): string {
  let existing = path;
  let rest = "";
  while (!existsSync(existing) && dirname(existing) !== existing) {
    rest = join(basename(existing), rest);
    existing = dirname(existing);
  }
  return join(existsSync(existing) ? realpathSync(existing) : existing, rest);
}
