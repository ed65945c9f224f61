// Which part of git's protocol an HTTP request asks for, and the headers of the answer. Opens no connection.

import type { GitService } from "../advertisement.ts";
import {
  advertisementContentType,
  mediaTypeOf,
  parseGitProtocolHeader,
  requestContentType,
  resultContentType,
} from "../smart-http.ts";

/** An HTTP request as a server sees it. gitprotocol-http(5), "Smart Clients". */
export interface HttpRequestHead {
  readonly method: string;
  /** Path and query, as on the request line. */
  readonly target: string;
  /** By lower-case name: `git-protocol` and `content-type` are looked at. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/**
 * What is asked for. `path` is that of the repository: percent-decoded, it starts with `/`, and its segments are
 * neither empty, `.` nor `..`. It is still the client's word: look it up, do not open it.
 * gitprotocol-http(5), "Smart Clients".
 */
export type SmartHttpRequest =
  | {
      readonly type: "advertisement" | "rpc";
      readonly service: GitService;
      readonly path: string;
      /** Asked for; a push knows no 2. */
      readonly version: 0 | 1 | 2;
      /** Of the answer with status 200. */
      readonly headers: Readonly<Record<string, string>>;
    }
  | { readonly type: "refused"; readonly status: 400 | 403 | 404 | 405 | 415; readonly reason: string };

/** Nothing may keep an answer: refs move, and a POST's answer is its own. */
const NO_CACHE: Readonly<Record<string, string>> = {
  expires: "Fri, 01 Jan 1980 00:00:00 GMT",
  pragma: "no-cache",
  "cache-control": "no-cache, max-age=0, must-revalidate",
};

/**
 * Read the head of a smart HTTP request: gitprotocol-http(5), "Smart Clients". Statuses are those of
 * git-http-backend(1).
 */
export function parseSmartHttpRequest(head: HttpRequestHead): SmartHttpRequest {
  const [pathPart, query] = split(head.target, "?");
  const match = /^(\/.*)\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(pathPart);
  const path = match?.[1] === undefined ? undefined : decodePath(match[1]);
  if (match === null) return refused(404, "no such resource");
  if (path === undefined) return refused(400, "the path cannot be read");
  if (match[2] === "info/refs") return parseListing(head, path, query);
  const service = match[2] === "git-upload-pack" ? "git-upload-pack" : "git-receive-pack";
  if (head.method !== "POST") return refused(405, "only POST");
  if (mediaTypeOf(header(head, "content-type")) !== requestContentType(service)) {
    return refused(415, "the content type is not git's");
  }
  return { ...accepted(head, service, path), type: "rpc", headers: answer(resultContentType(service)) };
}

function parseListing(head: HttpRequestHead, path: string, query: string): SmartHttpRequest {
  if (head.method !== "GET") return refused(405, "only GET");
  const service = new URLSearchParams(query).get("service");
  if (service === null) return refused(403, "dumb HTTP is not spoken here");
  if (service !== "git-upload-pack" && service !== "git-receive-pack") return refused(403, "unknown service");
  return {
    ...accepted(head, service, path),
    type: "advertisement",
    headers: answer(advertisementContentType(service)),
  };
}

function accepted(
  head: HttpRequestHead,
  service: GitService,
  path: string,
): { readonly service: GitService; readonly path: string; readonly version: 0 | 1 | 2 } {
  return { service, path, version: parseGitProtocolHeader(header(head, "git-protocol")) };
}

function answer(contentType: string): Readonly<Record<string, string>> {
  return { "content-type": contentType, ...NO_CACHE };
}

function refused(status: 400 | 403 | 404 | 405 | 415, reason: string): SmartHttpRequest {
  return { type: "refused", status, reason };
}

function header(head: HttpRequestHead, name: string): string | undefined {
  const value = head.headers[name];
  return typeof value === "string" ? value : value?.[0];
}

/** Percent-decode a path whose segments name something each; a slash or NUL cannot be smuggled in. */
function decodePath(path: string): string | undefined {
  try {
    const segments = path.slice(1).split("/").map(decodeURIComponent);
    const isPlain = segments.every((segment) => !/^\.{0,2}$|[/\0\n]/.test(segment));
    return isPlain ? `/${segments.join("/")}` : undefined;
  } catch {
    return undefined; // A percent sign without its digits, or no UTF-8.
  }
}

function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
