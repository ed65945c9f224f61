/**
 * Notices a peer that sends or takes slower than any network: a drip that no limit on silence ever sees.
 *
 * Only time spent waiting for the peer counts, so a slow other side is never held against it.
 */

import { monotonicNow } from "../clock.ts";
import type { ResolvedLimits } from "../options.ts";

export type PaceLimits = Pick<ResolvedLimits, "idleTimeoutMs" | "minBytesPerSecond">;

/** Adds up waiting and bytes; a full window of waiting has to bring its share of bytes. */
export class Pace {
  readonly #windowMs: number;
  readonly #bytesPerMs: number;
  #waitedMs = 0;
  #bytes = 0;

  constructor({ idleTimeoutMs, minBytesPerSecond }: PaceLimits) {
    this.#windowMs = idleTimeoutMs;
    this.#bytesPerMs = minBytesPerSecond / 1_000;
  }

  /** Account for `bytes` that took `waitedMs`. @returns false when the last window brought too little. */
  keeps(waitedMs: number, bytes: number): boolean {
    this.#waitedMs += waitedMs;
    this.#bytes += bytes;
    if (this.#waitedMs < this.#windowMs) return true;
    const isEnough = this.#bytes >= this.#waitedMs * this.#bytesPerMs;
    this.#waitedMs = 0;
    this.#bytes = 0;
    return isEnough;
  }
}

/** A {@link Pace} with a clock. */
export class PaceWatch {
  readonly #pace: Pace;
  #askedMs = monotonicNow();
  #waitedMs = 0;
  #hasBegun = false;

  constructor(limits: PaceLimits) {
    this.#pace = new Pace(limits);
  }

  /** The waiting begins now. */
  ask(): void {
    this.#askedMs = monotonicNow();
  }

  /**
   * `bytes` came. The wait for the first does not count: a server thinks before it sends, and its silence has a
   * limit of its own.
   *
   * @returns false when the peer is too slow.
   */
  keeps(bytes: number): boolean {
    const waitedMs = this.#hasBegun ? this.#waited() : 0;
    this.#hasBegun = true;
    return this.#pace.keeps(waitedMs, bytes);
  }

  /** Nothing that counts came, and that is all right. @returns all waiting so far without a byte that counts. */
  excuse(): number {
    this.#waitedMs += this.#waited();
    return this.#waitedMs;
  }

  #waited(): number {
    return monotonicNow() - this.#askedMs;
  }
}

/** How long a peer may take to read `bytes`: never less than it may be silent. */
export function takingBudgetMs(bytes: number, limits: PaceLimits): number {
  return Math.max(limits.idleTimeoutMs, (bytes / limits.minBytesPerSecond) * 1_000);
}
