/**
 * The one error of the engine: a closed list of codes, each with a class that says what a caller can do
 * and a remedy for the person who reads it.
 *
 * A message states the action that failed and its facts. It never holds a secret, and text that came from
 * a peer is sanitised before it gets here.
 */

import type { SyncResult } from "./schema/index.ts";

/**
 * What a caller can do about a failure.
 *
 * `transient`: the same request may succeed later by itself. `rate-limited`: the host asked to wait.
 * `permanent`: somebody has to change something. `unknown`: what the target did is not known yet.
 * `cancelled`: the caller's signal ended the run. `refs`: the run ended and left some refs behind.
 */
export type SyncErrorClass = "transient" | "rate-limited" | "permanent" | "unknown" | "cancelled" | "refs";

interface CodeFacts {
  readonly class: SyncErrorClass;
  readonly remedy: string;
}

/** Every code with its class and remedy; `docs/errors.md` prints this table and a test compares them. */
export const SYNC_ERRORS = {
  REQUEST_INVALID: { class: "permanent", remedy: "correct the named field" },
  URL_INVALID: {
    class: "permanent",
    remedy:
      "give an https://, http://, ssh://, git:// or file:// URL without a password in it, host:path, or a local path",
  },
  SAME_REPOSITORY: { class: "permanent", remedy: "name two different repositories" },
  TRANSPORT_UNSUPPORTED: {
    class: "permanent",
    remedy:
      "use an https://, http://, ssh://, git:// or file:// URL, host:path or a local path, or allow the remote helper",
  },
  EGRESS_DENIED: {
    class: "permanent",
    remedy: "allow the address under egress.allow or the folder under egress.paths, or use a public address",
  },
  REMOTE_UNREACHABLE: {
    class: "transient",
    remedy: "check the host name, the network and that the server is up",
  },
  PROXY_REFUSED: {
    class: "permanent",
    remedy: "check the proxy's address and credentials, and that it may connect to the host and port",
  },
  REMOTE_TIMEOUT: { class: "transient", remedy: "try again; if it stays, look at the server's load" },
  TLS_UNTRUSTED: {
    class: "permanent",
    remedy: "correct the server's certificate or name its authority in caFile",
  },
  HOST_KEY_UNTRUSTED: {
    class: "permanent",
    remedy:
      "compare the host's key (ssh-keyscan HOST) with what its operator publishes, and put it into the known hosts file",
  },
  REMOTE_UNAVAILABLE: { class: "transient", remedy: "try again later; the server failed" },
  RATE_LIMITED: { class: "rate-limited", remedy: "wait as long as the server asks" },
  AUTH_REQUIRED: {
    class: "permanent",
    remedy:
      "give a username and token, or store them with git credential, that may read the source and write the target",
  },
  AUTH_DENIED: {
    class: "permanent",
    remedy: "check that the token or key is valid and may read the source or write the target",
  },
  NOT_FOUND: {
    class: "permanent",
    remedy: "check the path; servers also answer so when the credential may not see the repository",
  },
  NOT_A_REPOSITORY: { class: "permanent", remedy: "check that the address is that of a git repository" },
  REDIRECT_REFUSED: { class: "permanent", remedy: "use the address that the server redirects to" },
  PROTOCOL_INVALID: {
    class: "transient",
    remedy: "check for a proxy that alters answers; report it if it stays",
  },
  REMOTE_REFUSED: { class: "permanent", remedy: "read the server's message" },
  OBJECT_FORMAT_MISMATCH: { class: "permanent", remedy: "create the target with the source's object format" },
  SOURCE_SHALLOW: { class: "permanent", remedy: "complete the source with git fetch --unshallow" },
  SOURCE_REF_MISSING: { class: "permanent", remedy: "correct the mapping or the branch name" },
  REFS_BLOCKED: {
    class: "refs",
    remedy:
      "read the reason of each blocked ref; --force-with-lease or replicate overwrites, --best-effort goes on without them",
  },
  REFS_REFUSED: { class: "refs", remedy: "read the reason of each refused ref" },
  ATOMIC_IMPOSSIBLE: {
    class: "permanent",
    remedy: "narrow the scope to one request, or do without atomic",
  },
  PACK_CORRUPT: { class: "transient", remedy: "run git fsck at the source if it stays" },
  PACK_LIMIT: { class: "permanent", remedy: "raise the limit on pack bytes" },
  PACK_TOO_LARGE: { class: "permanent", remedy: "raise the target's limit on pack size" },
  LENGTH_REQUIRED: {
    class: "permanent",
    remedy: "allow chunked requests at the target, a spool folder here, or raise memoryBytes",
  },
  SPOOL_FAILED: {
    class: "transient",
    remedy:
      "raise the quota of the spool folder (spool.maxBytes, GITSYNC_SPOOL_BYTES), make room on its disk, or name another one (spool.directory, GITSYNC_SPOOL_DIR)",
  },
  PUSH_REFUSED: { class: "transient", remedy: "read the target's message" },
  LEASE_LOST: { class: "transient", remedy: "try again; somebody else keeps moving the target's refs" },
  TARGET_LIED: { class: "unknown", remedy: "look at the target: it reported success and does not show it" },
  OUTCOME_UNKNOWN: { class: "unknown", remedy: "try again; the next run lists the target first" },
  AUTH_PROVIDER_FAILED: { class: "transient", remedy: "look at what provides the credentials" },
  LOCAL_FAILED: { class: "permanent", remedy: "check the path, its owner and that git is installed" },
  ABORTED: { class: "cancelled", remedy: "run it again" },
} as const satisfies Record<string, CodeFacts>;

export type SyncErrorCode = keyof typeof SYNC_ERRORS;

/** The facts of a failure: plain JSON, never a secret. */
export type SyncErrorDetails = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface SyncErrorOptions {
  readonly cause?: unknown;
  /** How long the host asked to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  /** What was planned and done before the failure. */
  readonly result?: SyncResult;
}

/** A failed run. Match on `code`; `retryable` says whether the same request may succeed later by itself. */
export class SyncError extends Error {
  override readonly name = "SyncError";
  readonly code: SyncErrorCode;
  readonly details: SyncErrorDetails;
  readonly retryAfterMs: number | undefined;
  readonly result: SyncResult | undefined;

  constructor(
    code: SyncErrorCode,
    message: string,
    details: SyncErrorDetails = {},
    options: SyncErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = details;
    this.retryAfterMs = options.retryAfterMs;
    this.result = options.result;
  }

  get class(): SyncErrorClass {
    return SYNC_ERRORS[this.code].class;
  }

  /** True when the same request may succeed later without anyone changing anything. */
  get retryable(): boolean {
    return this.class === "transient" || this.class === "rate-limited" || this.class === "unknown";
  }

  /** One line for the person who has to act. */
  get remedy(): string {
    return SYNC_ERRORS[this.code].remedy;
  }

  /** The same failure with the result of the run it ended. */
  withResult(result: SyncResult): SyncError {
    return new SyncError(this.code, this.message, this.details, {
      cause: this.cause,
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
      result,
    });
  }
}

/** Whether `error` is a {@link SyncError}, also one made by another copy of this package. */
export function isSyncError(error: unknown): error is SyncError {
  return error instanceof Error && error.name === "SyncError" && "code" in error;
}
