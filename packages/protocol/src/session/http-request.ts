// The requests that a session makes over HTTP, as values. Sends nothing.

import type { GitService } from "../advertisement.ts";
import {
  advertisementContentType,
  gitProtocolHeader,
  infoRefsPath,
  requestContentType,
  resultContentType,
  servicePath,
} from "../smart-http.ts";

/** One request of smart HTTP: gitprotocol-http(5). */
export interface HttpRequest {
  readonly method: "GET" | "POST";
  /** To append to the repository's URL. */
  readonly path: string;
  /** What git's protocol needs; credentials and the like are the caller's. */
  readonly headers: Readonly<Record<string, string>>;
  /** The session does not touch it again. None for GET. */
  readonly body?: Uint8Array;
  /** A push: the caller's pack follows `body` in the same request. */
  readonly packFollows: boolean;
  /** The media type that the answer must have: compare with `mediaTypeOf` its `Content-Type`. */
  readonly answerType: string;
}

/** The request for a service's advertisement. */
export function advertisementRequest(service: GitService, version: 0 | 1 | 2): HttpRequest {
  return {
    method: "GET",
    path: infoRefsPath(service),
    // Caches on the way must not answer with yesterday's refs.
    headers: { Accept: "*/*", Pragma: "no-cache", ...protocolHeader(version) },
    packFollows: false,
    answerType: advertisementContentType(service),
  };
}

/** A request to a service in the version that it advertised. Owns `body`. */
export function serviceRequest(
  service: GitService,
  version: 0 | 1 | 2,
  body: Uint8Array,
  packFollows: boolean,
): HttpRequest {
  const answerType = resultContentType(service);
  return {
    method: "POST",
    path: servicePath(service),
    headers: {
      "Content-Type": requestContentType(service),
      Accept: answerType,
      ...protocolHeader(version),
    },
    body,
    packFollows,
    answerType,
  };
}

function protocolHeader(version: 0 | 1 | 2): Readonly<Record<string, string>> {
  return version === 0 ? {} : { "Git-Protocol": gitProtocolHeader(version) };
}
