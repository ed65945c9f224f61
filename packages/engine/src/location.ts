/**
 * Where a repository is: an endpoint's URL parsed once, strictly, into an object without any secret.
 *
 * Everything downstream takes the object, never the text, so that no two parsers can disagree about a host.
 */

import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SyncError } from "./errors.ts";

/** A server that speaks smart HTTP. */
export interface HttpLocation {
  readonly kind: "http";
  /** `https://host[:port]`, lower case, default port left out. Credentials are bound to it. */
  readonly origin: string;
  readonly hostname: string;
  /** The path with its leading slash and without a trailing one. */
  readonly path: string;
}

/** A repository in a file system that this process can reach. */
export interface PathLocation {
  readonly kind: "path";
  /** Absolute. */
  readonly path: string;
}

export type RemoteLocation = HttpLocation | PathLocation;

/** Bytes that no URL may hold: controls, space, DEL and the backslash that parsers read in two ways. */
const FORBIDDEN = /[\u0000-\u0020\u007f\\]/u;
const HOST = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])$/u;

/**
 * Parse what a user or a configuration calls a repository.
 *
 * As git does, text without `://` is a path unless a colon comes before its first slash (`host:path`, ssh).
 *
 * @throws {SyncError} `URL_INVALID`, or `TRANSPORT_UNSUPPORTED` for a scheme that is not spoken. The message
 * never repeats the text when it may hold a password.
 */
export function parseLocation(text: string, role: string): RemoteLocation {
  const invalid = (why: string): SyncError =>
    new SyncError("URL_INVALID", `Cannot use the ${role} address: ${why}`, { role });
  if (text === "") throw invalid("it is empty");
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//iu.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    if (/^[a-z][a-z0-9+.-]*::/iu.test(text)) throw unsupported("remote helpers", role);
    if (/^[^/]+:/u.test(text) && !existsSync(text)) throw unsupported("ssh", role);
    if (text.includes("\0")) throw invalid("it holds a NUL character");
    return { kind: "path", path: resolve(text) };
  }
  if (FORBIDDEN.test(text)) throw invalid("it holds a space, a backslash or a control character");
  const authority = text.slice(scheme.length + 3).split(/[/?#]/u, 1)[0] ?? "";
  if (authority.includes("@") && scheme !== "ssh") {
    throw invalid("it holds a user name or password; give them as credentials instead");
  }
  if (scheme === "file") return parseFileUrl(text, invalid);
  if (scheme !== "http" && scheme !== "https") throw unsupported(scheme, role);
  // To some parsers the next part of the path is then the host.
  if (authority === "") throw invalid("it names no host");
  if (/[?#]/u.test(text)) throw invalid("a query or fragment has no meaning for git");
  if (authority.includes("%")) throw invalid("its host holds a percent sign");
  // Parsers fold such characters in different ways: a full-width dot is a dot to some.
  if (/[^!-~]/u.test(authority)) throw invalid("its host holds characters that host names do not have");
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new SyncError(
      "URL_INVALID",
      `Cannot use the ${role} address: it is not a URL`,
      { role },
      { cause },
    );
  }
  if (!HOST.test(url.hostname)) throw invalid("its host name holds characters that host names do not have");
  if (/%(?:0[0-9a-f]|1[0-9a-f]|7f|5c)/iu.test(url.pathname))
    throw invalid("its path encodes a control character");
  return {
    kind: "http",
    origin: url.origin,
    hostname: url.hostname,
    path: url.pathname.replace(/\/+$/u, ""),
  };
}

function parseFileUrl(text: string, invalid: (why: string) => SyncError): PathLocation {
  // Dropping what follows would lead to another repository.
  if (/[?#]/u.test(text)) throw invalid("a query or fragment has no meaning for git; write %3F or %23");
  try {
    const url = new URL(text);
    if (url.hostname !== "" && url.hostname !== "localhost") throw invalid("a file:// URL names no host");
    url.hostname = "";
    const path = fileURLToPath(url);
    if (path.includes("\0")) throw invalid("it encodes a NUL character");
    return { kind: "path", path };
  } catch (cause) {
    if (cause instanceof SyncError) throw cause;
    throw invalid("it is not a file:// URL of an absolute path");
  }
}

function unsupported(scheme: string, role: string): SyncError {
  return new SyncError("TRANSPORT_UNSUPPORTED", `Cannot reach the ${role}: ${scheme} is not spoken here`, {
    role,
    scheme,
  });
}

/** The address as it may be shown: without userinfo by construction. */
export function printLocation(location: RemoteLocation): string {
  return location.kind === "http" ? `${location.origin}${location.path}` : location.path;
}

/**
 * Refuse a run whose two sides are one repository under two spellings: case of the host, default port,
 * trailing slash, `.git`, a link, or a work tree and its `.git` folder.
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

function repositoryKey(location: RemoteLocation): string {
  if (location.kind === "http") {
    return `${location.origin.replace(/^https?:/u, "")}${plainPath(location.path).replace(/\.git$/u, "")}`;
  }
  return realGitDirectory(location.path);
}

/** Without needless escapes and doubled slashes, for comparing only. */
function plainPath(path: string): string {
  try {
    return decodeURIComponent(path).replaceAll(/\/{2,}/gu, "/");
  } catch {
    return path;
  }
}

/** The real path of the git folder that git would enter for `path` (git's `enter_repo` tries the same endings). */
function realGitDirectory(path: string): string {
  for (const candidate of [join(path, ".git"), path, `${path}.git`]) {
    if (existsSync(join(candidate, "HEAD"))) return realpathSync(candidate);
  }
  return realPathOf(path);
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

/** Whether `path` lies in `folder` (or is it), links resolved on both sides. */
export function liesIn(path: string, folder: string): boolean {
  const way = relative(realPathOf(folder), realPathOf(path));
  return way === "" || (!way.startsWith("..") && !isAbsolute(way));
}

/** Whether nothing is at `path` yet, nor at `path` with `.git`. */
export function isMissing(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) === undefined && !existsSync(`${path}.git`);
}
