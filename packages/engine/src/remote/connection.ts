/**
 * The seam between git's conversation and what carries it: one service of one repository, opened once,
 * then asked any number of times.
 */

import type { DecodedAdvertisement, GitService } from "@gitsync/protocol";
import type { PackBody } from "../transfer/pack-body.ts";

/** The bytes of one request: what git's grammar needs first, then a pack for a push. */
export interface RequestBody {
  readonly head: Uint8Array;
  readonly pack?: PackBody | undefined;
}

export interface GitConnection {
  readonly service: GitService;
  /** Every request stands alone and its answer ends with the body (HTTP); else both sides keep talking. */
  readonly stateless: boolean;
  /** Say hello: what the service advertises. Asks for protocol `version` on upload-pack; the answer decides. */
  open(signal: AbortSignal): Promise<DecodedAdvertisement>;
  /**
   * Send a request and stream its answer. The answer must be read while the request is sent, as servers may
   * stop reading until theirs is taken. Leaving the loop ends the request over HTTP; on a stateful connection
   * the caller leaves exactly at the answer's end. A chunk is valid until the next one is asked for.
   */
  exchange(body: RequestBody, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
  /** What the other side wrote beside its last answer, sanitised: why it broke off, as a child's standard error tells. */
  said(): string;
}

/** Counts what passes a connection, for statistics and progress. */
export interface TrafficMeter {
  readonly request: (phase: string) => void;
  /** The same request once more, or one that belongs to it. */
  readonly repeated: () => void;
  readonly sent: (bytes: number) => void;
  readonly received: (bytes: number) => void;
}
