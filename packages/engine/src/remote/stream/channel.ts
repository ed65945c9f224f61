/** A two-way stream of bytes to one git service: the pipes of a child process, or a socket. */

import type { Readable, Writable } from "node:stream";
import type { SyncError } from "../../errors.ts";

/** When a conversation broke off: before the service had said what it offers, or after. */
export type BreakOff = "opening" | "talking";

export interface Channel {
  /** What the service reads. Writing to one that reads no longer is not an error; it is destroyed then. */
  readonly input: Writable;
  /** What the service writes. */
  readonly output: Readable;
  /** The end of a push is told by ending `input`; on a socket that would end both ways for some. */
  readonly endsInput: boolean;
  /** Resolves when the other side is gone and all it said is known. */
  ended(): Promise<void>;
  /** Say goodbye and let the service end by itself, as after a push its hooks may still run; then see to it. */
  finish(goodbye: string): Promise<void>;
  /** End it; resolves when it is gone. For `graceMs` the missing input alone may end it. */
  stop(graceMs?: number): Promise<void>;
  /** What it wrote beside its answers, sanitised. */
  said(): string;
  /** Why it broke off by itself, where that is known; asked after its end. */
  failure(when: BreakOff): SyncError | undefined;
}

/** Starts a service, or connects to one. The channel belongs to the caller. */
export type OpenChannel = (signal: AbortSignal) => Promise<Channel>;
