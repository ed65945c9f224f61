/** Reads what a user or a configuration calls a repository: once, strictly, before anything is contacted. */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SyncError } from "../errors.ts";
import type { HelperLocation, HttpLocation, PathLocation, RemoteLocation } from "./location.ts";
import { parseDaemonUrl, parseScpAddress, parseSshUrl, type Invalid } from "./parse-shell-address.ts";

/** Bytes that no URL may hold: controls, space, DEL and the backslash that parsers read in two ways. */
const FORBIDDEN = /[\u0000-\u0020\u007f\\]/u;
const HOST = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])$/u;

/** Spellings of ssh; git accepts the longer ones, too. */
const SSH_SCHEMES: readonly string[] = ["ssh", "git+ssh", "ssh+git"];
/** What a helper must never be used for: schemes that are spoken here, guarded, and programs that run commands. */
const NO_HELPER: readonly string[] = [...SSH_SCHEMES, "http", "https", "git", "file", "ext", "fd"];

/**
 * Parse what a user or a configuration calls a repository.
 *
 * As git does, text without `://` is a path unless a colon comes before its first slash (`host:path`, ssh).
 *
 * @throws {SyncError} `URL_INVALID`, or `TRANSPORT_UNSUPPORTED` for a remote helper that is never used. The message
 * never repeats the text when it may hold a password.
 */
export function parseLocation(text: string, role: string): RemoteLocation {
  const invalid: Invalid = (why) =>
    new SyncError("URL_INVALID", `Cannot use the ${role} address: ${why}`, { role });
  if (text === "") throw invalid("it is empty");
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//iu.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    const helper = /^([a-z][a-z0-9+.-]*)::(.*)$/isu.exec(text);
    if (helper !== null) return parseHelper(helper[1] ?? "", helper[2] ?? "", role, invalid);
    if (/^[^/]+:/u.test(text) && !existsSync(text)) return parseScpAddress(text, invalid);
    if (text.includes("\0")) throw invalid("it holds a NUL character");
    return { kind: "path", path: resolve(text) };
  }
  if (FORBIDDEN.test(text)) throw invalid("it holds a space, a backslash or a control character");
  if (SSH_SCHEMES.includes(scheme)) return parseSshUrl(text, invalid);
  const authority = authorityOf(text);
  if (scheme === "git" || scheme === "http" || scheme === "https" || scheme === "file") {
    if (authority.includes("@")) {
      throw invalid("it holds a user name or password; give them as credentials instead");
    }
    if (scheme === "git") return parseDaemonUrl(text, invalid);
    return scheme === "file" ? parseFileUrl(text, invalid) : parseHttpUrl(text, authority, invalid);
  }
  return parseHelper(scheme, text, role, invalid);
}

/** What stands between `://` and the path. */
function authorityOf(text: string): string {
  return text.slice(text.indexOf("://") + 3).split(/[/?#]/u, 1)[0] ?? "";
}

function parseHttpUrl(text: string, authority: string, invalid: Invalid): HttpLocation {
  // To some parsers the next part of the path is then the host.
  if (authority === "") throw invalid("it names no host");
  if (/[?#]/u.test(text)) throw invalid("a query or fragment has no meaning for git");
  if (authority.includes("%")) throw invalid("its host holds a percent sign");
  // Parsers fold such characters in different ways: a full-width dot is a dot to some.
  if (/[^!-~]/u.test(authority)) throw invalid("its host holds characters that host names do not have");
  const url = URL.parse(text);
  if (url === null) throw invalid("it is not a URL");
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

function parseFileUrl(text: string, invalid: Invalid): PathLocation {
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

/** `scheme::address`, or a whole URL whose scheme is not spoken here: gitremote-helpers(7), "Invocation". */
function parseHelper(name: string, address: string, role: string, invalid: Invalid): HelperLocation {
  const scheme = name.toLowerCase();
  if (NO_HELPER.includes(scheme)) {
    throw new SyncError(
      "TRANSPORT_UNSUPPORTED",
      `Cannot reach the ${role}: no remote helper is ever started for ${scheme}::`,
      { role, scheme },
    );
  }
  if (address === "") throw invalid("it gives the remote helper no address");
  // It becomes an argument of a program.
  if (address.startsWith("-")) throw invalid("its address begins with a dash, which would make it an option");
  if (/[\u0000-\u001f\u007f]/u.test(address)) throw invalid("it holds a control character");
  // Arguments are there for everybody to read.
  if (/\/\/[^/@]*:[^/@]*@/u.test(address)) throw invalid("it holds a password");
  return { kind: "helper", scheme, address };
}
