/** Makes the embedded server's directory, or says why it cannot be used. */

import { chmod, lstat, mkdir, readdir, readFile, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode, errorText, RuntimeError } from "../errors.ts";
import { embeddedLayout } from "./layout.ts";
import type { EmbeddedLayout } from "./layout.ts";

/** The account that the server runs as where this process is root: PostgreSQL refuses to run as root. */
export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
}

/** `nobody` for root, `undefined` (this very account) for everyone else. No account is ever created. */
export async function findServerAccount(): Promise<ServerAccount | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const passwd = await readFile("/etc/passwd", "utf8").catch(() => "");
  const fields = /^nobody:[^:]*:(-?\d+):(-?\d+):/m.exec(passwd);
  // macOS writes nobody's ids as -2.
  return { uid: Number(fields?.[1] ?? 65534) >>> 0, gid: Number(fields?.[2] ?? 65534) >>> 0 };
}

/**
 * Create the directory and the one for sockets, both closed to other accounts. Where the server runs as another
 * account (as root), that one may pass through, but not list.
 *
 * @throws {RuntimeError} `EMBEDDED_DIRECTORY_UNUSABLE`, `EMBEDDED_UNSUPPORTED`.
 */
export async function prepareDirectory(
  path: string,
  account: ServerAccount | undefined,
): Promise<EmbeddedLayout> {
  const uid = process.getuid?.();
  if (uid === undefined) {
    throw new RuntimeError(
      "EMBEDDED_UNSUPPORTED",
      `The embedded queue does not run on ${process.platform}: set GITSYNC_QUEUE_URL to redis://… or postgres://…`,
      { platform: process.platform },
    );
  }
  const mode = account === undefined ? 0o700 : 0o711;
  try {
    await mkdir(dirname(path), { recursive: true });
    await ensureDirectory(path, mode);
    const directory = await realpath(path);
    if (account !== undefined) await assertPassable(directory);
    const layout = embeddedLayout(directory, uid);
    await ensureDirectory(layout.runDirectory, mode);
    await assertOurs(layout.runDirectory, uid);
    return layout;
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    throw unusable(path, `it cannot be made ready (${errorText(error)})`, error);
  }
}

async function ensureDirectory(path: string, mode: number): Promise<void> {
  const created = await mkdir(path, { mode }).then(
    () => true,
    (error: unknown) => {
      if (errorCode(error) === "EEXIST") return false;
      throw error;
    },
  );
  const { mode: current } = await stat(path);
  // The mode of a directory that somebody made for other things is not ours to change.
  const isOurs = created || (current & mode) !== mode ? await isEmptyOrOurs(path) : false;
  if (isOurs && (current & 0o777) !== mode) await chmod(path, mode);
}

async function isEmptyOrOurs(path: string): Promise<boolean> {
  const names = await readdir(path);
  return names.length === 0 || names.includes("supervisor.lock");
}

/** Nobody must be able to pass through every folder above the data. */
async function assertPassable(directory: string): Promise<void> {
  for (let path = directory; ; path = dirname(path)) {
    const { mode } = await stat(path);
    if ((mode & 0o001) === 0) {
      throw unusable(
        directory,
        `PostgreSQL, which does not run as root, could not enter ${path} (chmod o+x ${path} would let it)`,
      );
    }
    if (path === dirname(path)) return;
  }
}

/** In a folder that everybody may write to, somebody else could have made ours first. */
async function assertOurs(path: string, uid: number): Promise<void> {
  const found = await lstat(path);
  if (!found.isDirectory() || found.uid !== uid) {
    throw unusable(path, `it belongs to the account ${found.uid}, not to ${uid}`);
  }
}

function unusable(directory: string, why: string, cause?: unknown): RuntimeError {
  return new RuntimeError(
    "EMBEDDED_DIRECTORY_UNUSABLE",
    `The embedded queue cannot keep its data in ${directory}: ${why}. ` +
      "Set GITSYNC_QUEUE_URL=embedded:DIRECTORY to a directory that this account owns",
    { directory },
    { cause },
  );
}
