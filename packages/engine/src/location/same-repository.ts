/** Tells two spellings of one repository, so that it is never mirrored onto itself. */

import { SyncError } from "../errors.ts";
import { repositoryFolder } from "./local-path.ts";
import { bracketed, DAEMON_PORT, printLocation, SSH_PORT, type RemoteLocation } from "./location.ts";

/**
 * Refuse a run whose two sides are one repository under two spellings: case of the host, default port, scheme,
 * trailing slash, `.git`, a link, a work tree and its `.git` folder, or two work trees of one repository.
 *
 * @throws {SyncError} `SAME_REPOSITORY`.
 */
export function refuseSameRepository(source: RemoteLocation, target: RemoteLocation): void {
  if (repositoryKey(source) !== repositoryKey(target)) return;
  throw new SyncError(
    "SAME_REPOSITORY",
    `Source and target are the same repository: ${printLocation(target)}`,
    {
      source: printLocation(source),
      target: printLocation(target),
    },
  );
}

/** One host offers one repository at one path, over whatever scheme; another port may be another server. */
function repositoryKey(location: RemoteLocation): string {
  switch (location.kind) {
    case "path":
      return repositoryFolder(location.path);
    case "helper":
      return printLocation(location);
    case "http":
      return `//${location.origin.replace(/^https?:\/\//u, "")}${pathKey(plainPath(location.path))}`;
    case "ssh": {
      const { user, hostname, port = SSH_PORT, path } = location;
      // Below a home it matters whose.
      const home = path.startsWith("/") || path.startsWith("~") ? "" : `~${user ?? ""}/`;
      const isForge = home !== "" && user === "git";
      return `//${hostKey(hostname, port, SSH_PORT)}${pathKey(isForge ? `/${path}` : `${home}${path}`)}`;
    }
    case "daemon":
      return `//${hostKey(location.hostname, location.port, DAEMON_PORT)}${pathKey(location.path)}`;
  }
}

function hostKey(hostname: string, port: number, usual: number): string {
  return `${bracketed(hostname.toLowerCase())}${port === usual ? "" : `:${port}`}`;
}

/** Without doubled and trailing slashes and without `.git`. */
function pathKey(path: string): string {
  return path
    .replaceAll(/\/{2,}/gu, "/")
    .replace(/\/+$/u, "")
    .replace(/\.git$/u, "");
}

/** Without needless escapes. */
function plainPath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
