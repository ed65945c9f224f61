/** What went wrong on the way to a remote, whatever the transport: a socket's code becomes a typed error. */

import { isSyncError, SyncError, type SyncErrorCode } from "../errors.ts";

/** Facts of what was tried; nothing in it is secret. */
export interface RequestFacts {
  readonly side: "source" | "target" | "server";
  readonly url: string;
  readonly phase: string;
}

/** Of a push: the phase of a failure that cut the target's answer off. */
export const AMID_ANSWER = "receive-pack answer";

const SOCKET_CODES: Readonly<Record<string, SyncErrorCode>> = {
  UND_ERR_CONNECT_TIMEOUT: "REMOTE_TIMEOUT",
  UND_ERR_HEADERS_TIMEOUT: "REMOTE_TIMEOUT",
  UND_ERR_BODY_TIMEOUT: "REMOTE_TIMEOUT",
  ETIMEDOUT: "REMOTE_TIMEOUT",
};

/** Families of codes, by the first that fits. */
const CODE_FAMILIES: readonly (readonly [RegExp, SyncErrorCode])[] = [
  [/ALERT_CERTIFICATE_REQUIRED/u, "AUTH_REQUIRED"],
  // Certificates that no retry mends.
  [
    /CERT|^DEPTH_ZERO|^SELF_SIGNED|^UNABLE_TO|^HOSTNAME_MISMATCH|^INVALID_CA|^ERR_SSL_.*ALERT_UNKNOWN_CA/u,
    "TLS_UNTRUSTED",
  ],
  // What answers speaks another language: TLS, HTTP or a compression that is none.
  [/^ERR_SSL|^ERR_TLS|^EPROTO$|^HPE_|^Z_/u, "PROTOCOL_INVALID"],
];

/** The typed form of whatever a connection threw. Errors that are typed already pass through. */
export function connectionError(error: unknown, facts: RequestFacts, signal: AbortSignal): unknown {
  if (signal.aborted) return abortedError(signal);
  const typed = causes(error).find(isSyncError);
  if (typed) return typed;
  const code = causes(error)
    .map(codeOf)
    .find((each) => each !== "");
  return new SyncError(
    meaningOf(code ?? ""),
    `Lost the ${facts.side} during ${facts.phase}: ${facts.url} (${code ?? "connection failed"})`,
    { side: facts.side, url: facts.url, phase: facts.phase, ...(code === undefined ? {} : { reason: code }) },
    { cause: error },
  );
}

function codeOf(error: Error): string {
  if ("code" in error && typeof error.code === "string") return error.code;
  // undici leaves the code out of some of them.
  return error.name === "HTTPParserError" ? "HPE_INVALID" : "";
}

function meaningOf(code: string): SyncErrorCode {
  const family = CODE_FAMILIES.find(([pattern]) => pattern.test(code));
  return SOCKET_CODES[code] ?? family?.[1] ?? "REMOTE_UNREACHABLE";
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
