/** What a test looks at of a request that a git server got. */

import type { IncomingMessage } from "node:http";

/** A request as it arrived. */
export interface RecordedRequest {
  readonly method: string;
  /** Path without query: `/a.git/git-upload-pack`. */
  readonly path: string;
  readonly query: string;
  /** `git-upload-pack` or `git-receive-pack`; empty for anything else. */
  readonly service: string;
  /** Whether it lists (GET) or does work (POST). */
  readonly isListing: boolean;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The first 64 KiB of the request's body, as sent. Complete once {@link NodeGitServer.idle} resolves. */
  body: Buffer;
  requestBytes: number;
  responseBytes: number;
  /** Set when the answer begins. */
  status: number;
}

/** A request whose body has not come yet. */
export function record(request: IncomingMessage): RecordedRequest {
  const { pathname, search } = new URL(request.url ?? "/", "http://host");
  const service =
    /git-(?:upload|receive)-pack/.exec(search)?.[0] ?? /git-(?:upload|receive)-pack$/.exec(pathname)?.[0];
  return {
    method: request.method ?? "",
    path: pathname,
    query: search.slice(1),
    service: service ?? "",
    isListing: request.method === "GET",
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(", ") : value,
      ]),
    ),
    body: Buffer.alloc(0),
    requestBytes: 0,
    responseBytes: 0,
    status: 0,
  };
}
