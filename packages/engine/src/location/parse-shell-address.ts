/**
 * Addresses that git's own transports take: `ssh://`, `host:path` and `git://`.
 *
 * Read by hand and not as WHATWG URLs, which accept a host that begins with a dash, and which git does not use:
 * git-clone(1), "Git URLs". Every part is checked for what it will become: an argument, a packet, a quoted word.
 */

import { isIPv6 } from "node:net";
import type { SyncError } from "../errors.ts";
import { DAEMON_PORT, type DaemonLocation, type SshLocation } from "./location.ts";

/** Host names and aliases: no dash in front, nothing that a shell or a parser reads. */
const HOST_NAME = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/iu;
/** Some hosts want an address as the user's name. */
const USER_NAME = /^[a-z0-9._+][a-z0-9._+@=-]*$/iu;
const CONTROL = /[\u0000-\u001f\u007f]/u;

/** Makes the error of an address; says why and never repeats a text that may hold a password. */
export type Invalid = (why: string) => SyncError;

interface Address {
  readonly user: string | undefined;
  readonly hostname: string;
  readonly port: number | undefined;
}

/** `ssh://[user@]host[:port]/path`; `/~ann/…` is below ann's home. */
export function parseSshUrl(text: string, invalid: Invalid): SshLocation {
  const { authority, path } = splitUrl(text, invalid);
  const address = parseAddress(authority, true, invalid);
  return { kind: "ssh", ...address, path: checkedPath(withoutTildeSlash(path), invalid) };
}

/** `git://host[:port]/path`. */
export function parseDaemonUrl(text: string, invalid: Invalid): DaemonLocation {
  const { authority, path } = splitUrl(text, invalid);
  const { hostname, port = DAEMON_PORT } = parseAddress(authority, false, invalid);
  return {
    kind: "daemon",
    hostname: hostname.toLowerCase(),
    port,
    path: checkedPath(withoutTildeSlash(path), invalid),
  };
}

/** `[user@]host:path`; with brackets around an IPv6 address, or around a host with a port. Nothing is decoded. */
export function parseScpAddress(text: string, invalid: Invalid): SshLocation {
  const parts =
    /^\[([^\]/]*)\]:(.*)$/su.exec(text) ??
    /^([^[\]/:]*@\[[^\]/]*\]):(.*)$/su.exec(text) ??
    /^([^:/]+):(.*)$/su.exec(text);
  if (parts === null) throw invalid("it is neither a path nor host:path");
  const [, inner = "", path = ""] = parts;
  if (/^[\\:]/u.test(path)) throw invalid("its path begins with a backslash or a colon");
  // `user:password@host:path`, which names a host `user`.
  if (/^[^/]*@[^/]*:/u.test(path)) throw invalid("it holds a password; ssh takes keys only");
  // `[::1]` is an address, `[host:22]` one with a port.
  const isBareAddress = text.startsWith("[") && isIPv6(inner);
  const address = parseAddress(isBareAddress ? `[${inner}]` : inner, false, invalid);
  return { kind: "ssh", ...address, path: checkedPath(path, invalid) };
}

/** Authority and decoded path, as git splits and decodes a URL. */
function splitUrl(text: string, invalid: Invalid): { readonly authority: string; readonly path: string } {
  if (/[?#]/u.test(text)) throw invalid("a query or fragment has no meaning for git; write %3F or %23");
  const rest = text.slice(text.indexOf("://") + 3);
  const slash = rest.indexOf("/");
  if (slash === -1) throw invalid("it names no path");
  try {
    return { authority: rest.slice(0, slash), path: decodeURIComponent(rest.slice(slash)) };
  } catch {
    throw invalid("its path is not percent-encoded UTF-8");
  }
}

function parseAddress(text: string, isUrl: boolean, invalid: Invalid): Address {
  const at = text.lastIndexOf("@");
  const hostPort = text.slice(at + 1);
  const [, host = "", port] = /^(\[[^\]]*\]|[^:[\]]*)(?::(\d*))?$/u.exec(hostPort) ?? [];
  const hostname = host.replace(/^\[|\]$/gu, "");
  if (hostname === "") throw invalid("it names no host");
  // A zone would be another machine on each machine that reads it.
  const isAddress = host.startsWith("[") && isIPv6(hostname) && !hostname.includes("%");
  if (!isAddress && !HOST_NAME.test(hostname))
    throw invalid("its host name holds characters that host names do not have");
  return {
    user: at === -1 ? undefined : parseUser(text.slice(0, at), isUrl, invalid),
    hostname,
    port: port === undefined || port === "" ? undefined : parsePort(port, invalid),
  };
}

function parseUser(text: string, isUrl: boolean, invalid: Invalid): string {
  if (text.includes(":")) throw invalid("it holds a password; ssh takes keys only");
  let user = text;
  try {
    if (isUrl) user = decodeURIComponent(text);
  } catch {
    user = "";
  }
  if (!USER_NAME.test(user)) throw invalid("its user name holds characters that user names do not have");
  return user;
}

function parsePort(text: string, invalid: Invalid): number {
  const port = Number(text);
  if (port >= 1 && port <= 65_535) return port;
  throw invalid("its port is not one");
}

/** In a URL a home comes after the slash that ends the host: git drops that slash. */
function withoutTildeSlash(path: string): string {
  return path.startsWith("/~") ? path.slice(1) : path;
}

function checkedPath(path: string, invalid: Invalid): string {
  if (path === "") throw invalid("it names no path");
  if (path.startsWith("-")) throw invalid("its path begins with a dash, which would make it an option");
  if (CONTROL.test(path)) throw invalid("its path holds a control character");
  return path;
}
