// How the body of a POST is framed. Pure; opens no connection and compresses nothing.

import type { GitService } from "./advertisement.ts";

/** What is known about a body before it is sent. RFC 9112 §6. */
export interface RequestBodyFacts {
  readonly service: GitService;
  /** Undefined for a body that is made while it is sent. */
  readonly byteLength: number | undefined;
  /** The body can be sent again, should the server ask for credentials only now. */
  readonly replayable: boolean;
  /** The server is known to take compressed requests. Default: false, as some do not. */
  readonly gzip?: boolean;
}

/**
 * What to send. `chunked` with `probe`: first a POST of `FLUSH_PKT`, whose answer is 200 and empty, so that credentials
 * are asked for before a body that cannot be sent twice. RFC 9112 §6.
 */
export type RequestFraming =
  | { readonly type: "content-length"; readonly byteLength: number; readonly gzip: boolean }
  | { readonly type: "chunked"; readonly probe: boolean };

const MIN_GZIP_BYTES = 1024;
/** git's `http.postBuffer` less a packet: what it compresses lies in memory. */
const MAX_GZIP_BYTES = 16 * 65520;

/**
 * Choose the framing: gitprotocol-http(5), "Smart Clients", and the practice of git's own client.
 *
 * A length is given whenever it is known: there are servers that refuse or stall on chunks. Only requests to
 * git-upload-pack are ever compressed, and only those of more than 1024 bytes that fit into memory; with `gzip` the
 * length to send is that of the compressed bytes.
 */
export function frameRequest(body: RequestBodyFacts): RequestFraming {
  const { service, byteLength, replayable, gzip = false } = body;
  if (byteLength === undefined) return { type: "chunked", probe: !replayable };
  const isWorthIt = byteLength > MIN_GZIP_BYTES && byteLength <= MAX_GZIP_BYTES;
  return { type: "content-length", byteLength, gzip: gzip && isWorthIt && service === "git-upload-pack" };
}
