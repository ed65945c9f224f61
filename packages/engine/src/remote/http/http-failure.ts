/** What an HTTP status other than the expected one means, as one table. */

import { sanitizeText } from "@gitsync/protocol";
import { SyncError, type SyncErrorCode } from "../../errors.ts";
import type { RequestFacts } from "../connection-failure.ts";

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
  // Date.parse makes a date of almost any number.
  const date = /^\s*(?:mon|tue|wed|thu|fri|sat|sun)/iu.test(value) ? Date.parse(value) : Number.NaN;
  const wait = seconds === undefined ? date - now : Number(seconds) * 1000;
  return Number.isFinite(wait) ? Math.min(Math.max(0, wait), 3_600_000) : undefined;
}
