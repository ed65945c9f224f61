/** How a client works: limits, identity, where it may connect to. Resolved once, then frozen. */

import type { Tracer } from "@opentelemetry/api";
import type { Dispatcher } from "undici";
import type { AuthProvider } from "./auth.ts";
import type { SyncObserver } from "./observer.ts";

/** Which addresses a client may connect to. A path or a child process needs its scheme in `schemes`. */
export interface EgressPolicy {
  /** `public`: no private, loopback or special address unless `allow` names it. `any`: wherever a name leads. */
  readonly addresses: "public" | "any";
  /** Networks that are allowed besides public ones; no ports means every port. */
  readonly allow?: readonly { readonly cidr: string; readonly ports?: readonly number[] }[];
  /** URL schemes that may be used; `file` also stands for local paths. Default: `https`; with `any`, also `http` and `file`. */
  readonly schemes?: readonly string[];
  /** Folders that local paths must lie in, links resolved; none given means any. Only with the scheme `file`. */
  readonly paths?: readonly string[];
  /** PEM certificates of further authorities that are trusted. */
  readonly ca?: string;
}

/** What is believed of a peer, and how long it is waited for. */
export interface Limits {
  /** A pack up to this size is complete, verified and replayable before the push opens. Default: 8 MiB. */
  readonly memoryBytes?: number;
  /** Refuse to relay a larger pack. Default: 20 GiB. */
  readonly maxPackBytes?: number;
  /** Ref updates in one push. Default: 5,000. */
  readonly maxRefUpdates?: number;
  /** Refs that a remote may list. Default: 2,000,000. */
  readonly maxRefs?: number;
  /** Bytes that a listing may have. Default: 512 MiB. */
  readonly maxListingBytes?: number;
  /** Bytes that the question for fast-forwards may cost. Default: 64 MiB. */
  readonly maxAncestryBytes?: number;
  /** Haves that are offered besides the old values of the refs being updated. Default: 16,384. */
  readonly maxHaves?: number;
  /** To connect, TLS included. Default: 10 s. */
  readonly connectTimeoutMs?: number;
  /** Without a byte from a remote that should be sending. Default: 60 s. */
  readonly idleTimeoutMs?: number;
  /** From the last byte of a push to the target's answer. Default: 20 min. */
  readonly pushAnswerTimeoutMs?: number;
  /** Runs of the plan after a lost lease. Default: 3. */
  readonly maxReplans?: number;
}

export interface ClientOptions {
  /** Replaces the guarded HTTP connections of the client; its owner then answers for where they lead. */
  readonly dispatcher?: Dispatcher;
  readonly auth?: AuthProvider;
  /** Added to the `git/…` User-Agent and agent capability: `name/version`. */
  readonly userAgent?: string;
  /** Default: public addresses only, and no local paths. */
  readonly egress?: EgressPolicy;
  readonly limits?: Limits;
  readonly tracer?: Tracer;
  /**
   * Variables that child processes of git get: `PATH`, `HOME` and the like. Default: a plain `PATH`. The engine
   * itself reads no environment.
   */
  readonly childEnvironment?: Readonly<Record<string, string>>;
}

/** Of one call. */
export interface CallOptions {
  /** Ends the run: both sides are closed, and the promise rejects with `ABORTED`. */
  readonly signal?: AbortSignal;
  readonly observer?: SyncObserver;
  /** Measure memory, CPU and garbage collection of this process meanwhile. */
  readonly measure?: boolean;
}

export type ResolvedLimits = Readonly<Required<Limits>>;

const MIB = 1024 * 1024;

const DEFAULT_LIMITS: ResolvedLimits = Object.freeze({
  memoryBytes: 8 * MIB,
  maxPackBytes: 20 * 1024 * MIB,
  maxRefUpdates: 5_000,
  maxRefs: 2_000_000,
  maxListingBytes: 512 * MIB,
  maxAncestryBytes: 64 * MIB,
  maxHaves: 16_384,
  connectTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  pushAnswerTimeoutMs: 20 * 60_000,
  maxReplans: 3,
});

/** Fill in what is missing. */
export function resolveLimits(limits: Limits = {}): ResolvedLimits {
  return Object.freeze({ ...DEFAULT_LIMITS, ...limits });
}
