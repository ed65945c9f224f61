// The parts of smart HTTP that are plain text: paths, media types, headers. Opens no connection.

import type { GitService } from "./advertisement.ts";

/** Path and query of the first request, to append to the repository's URL: gitprotocol-http(5), "Smart Clients". */
export function infoRefsPath(service: GitService): string {
  return `/info/refs?service=${service}`;
}

/** Path of the POST requests, to append to the repository's URL. */
export function servicePath(service: GitService): string {
  return `/${service}`;
}

/** Media type of the answer to {@link infoRefsPath}; any other means that the server does not speak smart HTTP. */
export function advertisementContentType(service: GitService): string {
  return `application/x-${service}-advertisement`;
}

/** Media type of a POST request's body. */
export function requestContentType(service: GitService): string {
  return `application/x-${service}-request`;
}

/** Media type of a POST request's answer. */
export function resultContentType(service: GitService): string {
  return `application/x-${service}-result`;
}

/** The media type of a `Content-Type` header, lower-case and without parameters; empty when there is no header. */
export function mediaTypeOf(header: string | null | undefined): string {
  return (header ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** Value of the `Git-Protocol` header, or of `GIT_PROTOCOL`, that asks for a version: gitprotocol-v2(5), "HTTP Transport". */
export function gitProtocolHeader(version: 1 | 2): string {
  return `version=${version}`;
}

/** The highest version that a `Git-Protocol` value asks for; unknown keys and versions are ignored. Server side. */
export function parseGitProtocolHeader(value: string | null | undefined): 0 | 1 | 2 {
  const asked = (value ?? "").split(":");
  return asked.includes("version=2") ? 2 : asked.includes("version=1") ? 1 : 0;
}
