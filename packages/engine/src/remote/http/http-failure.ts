/** What went wrong over HTTP, as one table: a status or a socket's code becomes a typed error. */

import { sanitizeText } from "@gitsync/protocol";
import { isSyncError, SyncError, type SyncErrorCode } from "../../errors.ts";

/** Facts of the request that failed; nothing in it is secret. */
export interface RequestFacts {
  readonly side: "source" | "target";
  readonly url: string;
  readonly phase: string;
}

const STATUS_CODES: Readonly<Record<number, SyncErrorCode>> = {
  203: "AUTH_REQUIRED",
  401: "AUTH_DENIED",
  403: "AUTH_DENIED",
  404: "NOT_FOUND",
  407: "AUTH_DENIED",
  408: "REMOTE_TIMEOUT",
  410: "NOT_FOUND",
  411: "LENGTH_REQUIRED",
  413: "PACK_TOO_LARGE",
  429: "RATE_LIMITED",
  504: "REMOTE_TIMEOUT",
};

/** The error of an answer that is not the one asked for. `text` is the start of its body, if it is plain text. */
export function statusError(
  status: number,
  facts: RequestFacts,
  retryAfter: string | undefined,
  text: string,
): SyncError {
  const code = codeOfStatus(status);
  const said = sanitizeText(text, { maxLength: 300 }).trim();
  const retryAfterMs = retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, Date.now());
  return new SyncError(
    code,
    `The ${facts.side} answered ${status} to ${facts.phase}: ${facts.url}${said === "" ? "" : ` (${said})`}`,
    { side: facts.side, url: facts.url, phase: facts.phase, status },
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
}

function codeOfStatus(status: number): SyncErrorCode {
  const named = STATUS_CODES[status];
  if (named !== undefined) return named;
  if (status >= 500) return "REMOTE_UNAVAILABLE";
  if (status >= 300 && status < 400) return "REDIRECT_REFUSED";
  return "REMOTE_REFUSED";
}

/** `Retry-After` as milliseconds from `now`: seconds or an HTTP date (RFC 9110 §10.2.3), at most an hour. */
export function parseRetryAfter(value: string, now: number): number | undefined {
  const seconds = /^\s*(\d{1,9})\s*$/u.exec(value)?.[1];
  const wait = seconds === undefined ? Date.parse(value) - now : Number(seconds) * 1000;
  return Number.isFinite(wait) ? Math.min(Math.max(0, wait), 3_600_000) : undefined;
}

const SOCKET_CODES: Readonly<Record<string, SyncErrorCode>> = {
  UND_ERR_CONNECT_TIMEOUT: "REMOTE_TIMEOUT",
  UND_ERR_HEADERS_TIMEOUT: "REMOTE_TIMEOUT",
  UND_ERR_BODY_TIMEOUT: "REMOTE_TIMEOUT",
  ETIMEDOUT: "REMOTE_TIMEOUT",
};

/** TLS failures that no retry mends. */
const TLS_CODE = /^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_CA)/u;

/** The typed form of whatever a request threw. Errors that are typed already pass through. */
export function requestError(error: unknown, facts: RequestFacts, signal: AbortSignal): unknown {
  if (signal.aborted) return abortedError(signal);
  const typed = causes(error).find(isSyncError);
  if (typed) return typed;
  const code = causes(error)
    .map((each) => ("code" in each && typeof each.code === "string" ? each.code : ""))
    .find((each) => each !== "");
  const mapped: SyncErrorCode =
    code === undefined
      ? "REMOTE_UNREACHABLE"
      : TLS_CODE.test(code)
        ? "TLS_UNTRUSTED"
        : (SOCKET_CODES[code] ?? "REMOTE_UNREACHABLE");
  return new SyncError(
    mapped,
    `Lost the ${facts.side} during ${facts.phase}: ${facts.url} (${code ?? "connection failed"})`,
    { side: facts.side, url: facts.url, phase: facts.phase, ...(code === undefined ? {} : { reason: code }) },
    { cause: error },
  );
}

/** The error of a run that its caller ended; the reason stays its cause. */
export function abortedError(signal: AbortSignal): unknown {
  const reason: unknown = signal.reason;
  return isSyncError(reason)
    ? reason
    : new SyncError("ABORTED", "The run was cancelled", {}, { cause: reason });
}

/** An error, its causes and the members of aggregates, outermost first; bounded against cycles. */
function causes(error: unknown): readonly Error[] {
  const found: Error[] = [];
  const open: unknown[] = [error];
  while (open.length > 0 && found.length < 20) {
    const next = open.shift();
    if (!(next instanceof Error) || found.includes(next)) continue;
    found.push(next);
    if (next.cause !== undefined) open.push(next.cause);
    if (next instanceof AggregateError) open.push(...next.errors);
  }
  return found;
}
