/**
 * Bounds what bodies of unproven senders may take of the memory together: a signature can be checked only when
 * the last byte is here.
 */

export class BodyBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /**
   * Set aside room for a body.
   *
   * @returns what gives the room back, once, however often it is called; `undefined` when there is none.
   */
  reserve(bytes: number): (() => void) | undefined {
    if (bytes > this.#left) return undefined;
    this.#left -= bytes;
    let held = bytes;
    return () => {
      this.#left += held;
      held = 0;
    };
  }
}
