/** How many jobs this process runs at a time, over all of its lanes. */

export class Slots {
  readonly #capacity: number;
  readonly #onFree: () => void;
  #taken = 0;

  /** `onFree` is called each time a slot was given back. */
  constructor(capacity: number, onFree: () => void) {
    this.#capacity = capacity;
    this.#onFree = onFree;
  }

  get free(): number {
    return this.#capacity - this.#taken;
  }

  /** The function that gives the slot back, or `undefined` when all are taken. */
  tryTake(): (() => void) | undefined {
    if (this.#taken >= this.#capacity) return undefined;
    this.#taken += 1;
    return () => {
      this.#taken -= 1;
      this.#onFree();
    };
  }
}
