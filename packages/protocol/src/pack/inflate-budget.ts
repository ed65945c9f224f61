// Counts what a pack inflates to, before memory is taken for it.

import { ProtocolError } from "../errors.ts";
import type { ProtocolLimits } from "../limits.ts";

/** The bytes that all objects and deltas of one pack may have. */
export class InflateBudget {
  readonly #limits: ProtocolLimits;
  #taken = 0;

  constructor(limits: ProtocolLimits) {
    this.#limits = limits;
  }

  /**
   * Count one object or delta.
   *
   * @param most `maxObjectBytes`, or `maxDeltaObjectBytes` for what must lie in memory.
   * @throws {ProtocolError} `LIMIT_EXCEEDED`.
   */
  take(bytes: number, most: "maxObjectBytes" | "maxDeltaObjectBytes", offset: number): void {
    this.check(bytes, most, offset);
    this.#taken += bytes;
    if (this.#taken > this.#limits.maxInflatedBytes) throw exceeded("maxInflatedBytes", this.#taken, offset);
  }

  /** As {@link take}, without counting. */
  check(bytes: number, most: "maxObjectBytes" | "maxDeltaObjectBytes", offset: number): void {
    if (bytes > this.#limits[most]) throw exceeded(most, bytes, offset);
  }
}

function exceeded(limit: string, bytes: number, offset: number): ProtocolError {
  return new ProtocolError("LIMIT_EXCEEDED", `Cannot read pack: ${bytes} bytes are over ${limit}`, {
    phase: "pack",
    offset,
    details: { limit },
  });
}
