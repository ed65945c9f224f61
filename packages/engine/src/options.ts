/** How a client works: limits, identity, where it may connect to. Resolved once, then frozen. */

import type { Tracer } from "@opentelemetry/api";
import type { Dispatcher } from "undici";
import type { AuthProvider } from "./auth.ts";
import type { SyncObserver } from "./observer.ts";
import type { HeldBackRef } from "./plan/hold-back.ts";

/** Which addresses a client may connect to. A path or a child process needs its scheme in `schemes`. */
export interface EgressPolicy {
  /** `public`: no private, loopback or special address unless `allow` names it. `any`: wherever a name leads. */
  readonly addresses: "public" | "any";
  /** Networks that are allowed besides public ones; no ports means every port. */
  readonly allow?: readonly { readonly cidr: string; readonly ports?: readonly number[] }[];
  /**
   * URL schemes that may be used; `file` also stands for local paths. Default: `https` and `ssh`; with `any`, also
   * `http`, `git` and `file`.
   */
  readonly schemes?: readonly string[];
  /** Folders that local paths must lie in, links resolved; none given means any. Only with the scheme `file`. */
  readonly paths?: readonly string[];
  /** Allow pushes over `git://`, which knows no user and encrypts nothing. Default: false, so that it is for reading. */
  readonly gitDaemonPush?: boolean;
  /**
   * Further schemes whose remote helper `git-remote-<scheme>` may be started; `any` for whatever a person typed. What
   * a helper connects to is its own affair: no address of it is checked. Default: none. `ext` and `fd` never count.
   */
  readonly helpers?: readonly string[] | "any";
  /** The proxy that HTTP connections go through; ssh, `git://` and remote helpers do not. None unless given. */
  readonly proxy?: ProxySettings;
  /** PEM certificates of further authorities that are trusted. */
  readonly ca?: string;
}

/** An HTTP proxy that makes tunnels. It is reached whatever the policy says of its address. */
export interface ProxySettings {
  /** `http://host[:port]` or `https://host[:port]`, without credentials. */
  readonly url: string;
  readonly username?: string;
  readonly token?: string;
  /** Hosts that are reached without it, each with the domains below it; `*` is all of them. */
  readonly bypass?: readonly string[];
}

/** What is believed of a peer, and how long it is waited for. */
export interface Limits {
  /** A pack up to this size is complete, verified and replayable before the push opens. Default: 8 MiB. */
  readonly memoryBytes?: number;
  /** Refuse to relay a larger pack. Default: 20 GiB. */
  readonly maxPackBytes?: number;
  /** The largest pack that the target takes in one push; a larger transfer goes in batches. Default: found out. */
  readonly targetMaxPackBytes?: number;
  /** Bytes of commits, without content, that dividing a history may cost. Default: 1 GiB. */
  readonly maxHistoryBytes?: number;
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
  /** What a remote must send, or take, on average over `idleTimeoutMs` of waiting for it. Default: 1,024. */
  readonly minBytesPerSecond?: number;
  /** From a request for a pack to its first byte, while the source counts and says so. Default: 30 min. */
  readonly packStartTimeoutMs?: number;
  /** The longest wait that a busy server may ask for (`Retry-After`) and get within a run. Default: 30 s. */
  readonly maxRetryAfterMs?: number;
  /** From the last byte of a push to the target's answer. Default: 20 min. */
  readonly pushAnswerTimeoutMs?: number;
  /** Runs of the plan after a lost lease. Default: 3. */
  readonly maxReplans?: number;
}

/** Where packs go that have to be whole before they are pushed and that memory does not hold. */
export interface SpoolOptions {
  /** Default: the system's folder for temporary files. */
  readonly directory?: string;
  /** Of all packs of a client together. Default: 4 GiB. */
  readonly maxBytes?: number;
  /**
   * `needed`: when a target demands a length, or lost patience with a slow source, and for the commits of a history
   * that is divided. `always`: for every pack that memory does not hold. `never`: nothing is written. Default: `needed`.
   */
  readonly use?: "needed" | "always" | "never";
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
  readonly spool?: SpoolOptions;
  /**
   * Where a history may be cut that goes in batches: on the branches' lines of first parents as far as possible, or
   * anywhere. Default: `first-parent`.
   */
  readonly bootstrapStrategy?: "first-parent" | "topo";
  readonly tracer?: Tracer;
  /**
   * Variables that child processes of git and ssh get: `PATH`, `HOME` and the like. Default: a plain `PATH`. The
   * engine itself reads no environment.
   */
  readonly childEnvironment?: Readonly<Record<string, string>>;
  /** Variables that remote helpers get, which may need a user's whole session. Default: `childEnvironment`. */
  readonly helperEnvironment?: Readonly<Record<string, string>>;
  /**
   * Whose settings `ssh` works with. `given`: nothing but the keys and known hosts of the credentials. `user`: the
   * user's own configuration, agent and known hosts, as at a terminal; needs `egress.addresses` `any`, since such a
   * configuration may lead anywhere. Default: `given`.
   */
  readonly ssh?: "given" | "user";
}

/** For a target that takes only so many pushes at a time. What either rejects with ends the run. */
export interface PushPace {
  /** Resolves when a push would be let through. Asked before the source is asked for the pack that it carries. */
  ready(signal: AbortSignal): Promise<void>;
  /** Resolves when a push may go; it goes at once then. Asked for each push request, repeated ones too. */
  enter(signal: AbortSignal): Promise<void>;
}

/** Of one call. */
export interface CallOptions {
  /** Ends the run: both sides are closed, and the promise rejects with `ABORTED`. */
  readonly signal?: AbortSignal;
  readonly observer?: SyncObserver;
  /** Who we are in this call, instead of the client's own provider. */
  readonly auth?: AuthProvider;
  /** Refs that are left alone as long as they would get this very value. */
  readonly heldBack?: readonly HeldBackRef[];
  /** The `execution.blockedPlan` of an earlier result, approved by a person: exactly these deletes may exceed `maxDeletes`. */
  readonly approvedPlan?: string;
  /** Lets pushes through. Default: each goes at once. */
  readonly pace?: PushPace;
  /** Measure memory, CPU and garbage collection of this process meanwhile. */
  readonly measure?: boolean;
}

export type ResolvedLimits = Readonly<Required<Limits>>;

const MIB = 1024 * 1024;

const DEFAULT_LIMITS: ResolvedLimits = Object.freeze({
  memoryBytes: 8 * MIB,
  maxPackBytes: 20 * 1024 * MIB,
  targetMaxPackBytes: Number.POSITIVE_INFINITY,
  maxHistoryBytes: 1024 * MIB,
  maxRefUpdates: 5_000,
  maxRefs: 2_000_000,
  maxListingBytes: 512 * MIB,
  maxAncestryBytes: 64 * MIB,
  maxHaves: 16_384,
  connectTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  minBytesPerSecond: 1_024,
  packStartTimeoutMs: 30 * 60_000,
  maxRetryAfterMs: 30_000,
  pushAnswerTimeoutMs: 20 * 60_000,
  maxReplans: 3,
});

/**
 * Fill in what is missing.
 *
 * @throws {TypeError} for a limit that is not a number from 0 up.
 */
export function resolveLimits(limits: Limits = {}): ResolvedLimits {
  for (const [name, value] of Object.entries(limits)) {
    if (typeof value === "number" && value >= 0) continue;
    throw new TypeError(`Cannot use the limit ${name}: expected a number from 0 up, got ${String(value)}`);
  }
  return Object.freeze({ ...DEFAULT_LIMITS, ...limits });
}
