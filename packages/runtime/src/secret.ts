/** A secret value that cannot be printed by accident. */

import { inspect } from "node:util";

const PRINTED = "[secret]";

/**
 * Holds one secret. Every way of turning it into text gives `[secret]`; the value comes out of `expose()` only,
 * so a search for `.expose(` finds every place that handles it.
 */
export class Secret {
  static {
    Object.defineProperty(this.prototype, inspect.custom, { value: () => PRINTED });
  }

  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself, for the one call that sends it. */
  expose(): string {
    return this.#value;
  }

  toString(): string {
    return PRINTED;
  }

  toJSON(): string {
    return PRINTED;
  }

  [Symbol.toPrimitive](): string {
    return PRINTED;
  }
}
