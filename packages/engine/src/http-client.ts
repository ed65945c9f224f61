/**
 * Small requests that are not git's: a forge's API, an outgoing notification. They go through the same guarded
 * connections as git's own, follow no redirect, and hold an answer of bounded size.
 */

import type { Dispatcher } from "undici";
import { addressPolicy } from "./egress/address-policy.ts";
import { SyncError } from "./errors.ts";
import { resolveLimits, type EgressPolicy } from "./options.ts";
import { connectionError } from "./remote/connection-failure.ts";
import { guardedDispatchers } from "./remote/http/guarded-dispatcher.ts";
import { VERSION } from "./version.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST";
  /** `https://…` or `http://…`, without credentials; its scheme has to be allowed. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
  /** From the first look at the name to the answer's last byte. Default: 10 s. */
  readonly timeoutMs?: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** A header's value, by its name in lower case; those that came several times are joined by a comma. */
  readonly header: (name: string) => string | undefined;
  /** As UTF-8. */
  readonly body: string;
}

/** Makes requests to where an egress policy allows. */
export interface HttpClient {
  /**
   * Any status is an answer, a redirect too.
   *
   * @throws {SyncError} `EGRESS_DENIED`, `REMOTE_UNREACHABLE`, `REMOTE_TIMEOUT`, `TLS_UNTRUSTED`, `PROTOCOL_INVALID`
   * (an answer of more than 1 MiB) or `ABORTED`.
   */
  request(request: HttpRequest): Promise<HttpAnswer>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 1024 * 1024;

/** Cheap; connections are opened when needed and kept for a few seconds. */
export function createHttpClient({ egress }: { readonly egress: EgressPolicy }): HttpClient {
  const dispatchers = guardedDispatchers(egress, addressPolicy(egress), resolveLimits());
  return {
    request: (request) => send(dispatchers.shared({}), egress, request),
    close: () => dispatchers.close(),
  };
}

async function send(dispatcher: Dispatcher, egress: EgressPolicy, request: HttpRequest): Promise<HttpAnswer> {
  const { method, body = null, headers = {}, timeoutMs = DEFAULT_TIMEOUT_MS } = request;
  const url = new URL(request.url);
  const where = { side: "server", url: url.origin + url.pathname, phase: "a request" } as const;
  refuseScheme(egress, url);
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = request.signal === undefined ? timeout : AbortSignal.any([request.signal, timeout]);
  try {
    const answer = await dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: { "user-agent": `git-sync/${VERSION}`, ...headers },
      body,
      signal,
    });
    return {
      status: answer.statusCode,
      header: (name) => {
        const value = answer.headers[name];
        return Array.isArray(value) ? value.join(", ") : value;
      },
      body: await textOf(answer.body, where.url),
    };
  } catch (error) {
    if (timeout.aborted && request.signal?.aborted !== true) {
      throw new SyncError("REMOTE_TIMEOUT", `No whole answer within ${timeoutMs} ms: ${where.url}`, where);
    }
    throw connectionError(error, where, request.signal ?? timeout);
  }
}

async function textOf(body: AsyncIterable<Uint8Array>, url: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) {
      throw new SyncError("PROTOCOL_INVALID", `The answer is larger than ${MAX_ANSWER_BYTES} bytes: ${url}`, {
        url,
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function refuseScheme(egress: EgressPolicy, url: URL): void {
  const scheme = url.protocol.slice(0, -1);
  const schemes = egress.schemes ?? (egress.addresses === "any" ? ["https", "http"] : ["https"]);
  if ((scheme === "https" || scheme === "http") && schemes.includes(scheme)) return;
  throw new SyncError("EGRESS_DENIED", `The scheme ${scheme} is not allowed: ${url.origin}${url.pathname}`, {
    scheme,
  });
}
