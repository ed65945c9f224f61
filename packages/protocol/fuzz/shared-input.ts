// The input under trial, where another thread can see it: what a parser never comes back from cannot be told otherwise.

const HEAD_BYTES = 16;
const TURN = 0;
const LENGTH = 1;
const TARGET = 2;
const WAY = 3;

/** An input and what it is given to. */
export interface Trial {
  /** Index in the list of parsers. */
  readonly target: number;
  /** Index in the parser's list of ways. */
  readonly way: number;
  readonly bytes: Uint8Array;
}

/** Room for one {@link Trial}, shared by two threads. */
export class SharedInput {
  readonly #buffer: SharedArrayBuffer;
  readonly #head: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#buffer = buffer;
    this.#head = new Int32Array(buffer, 0, HEAD_BYTES / 4);
    this.#bytes = new Uint8Array(buffer, HEAD_BYTES);
  }

  static withRoomFor(length: number): SharedInput {
    return new SharedInput(new SharedArrayBuffer(HEAD_BYTES + length));
  }

  /** To be handed to the other thread. */
  get buffer(): SharedArrayBuffer {
    return this.#buffer;
  }

  /** Changes with every trial. */
  get turn(): number {
    return Atomics.load(this.#head, TURN);
  }

  set(trial: Trial): void {
    this.#bytes.set(trial.bytes);
    this.#head[LENGTH] = trial.bytes.length;
    this.#head[TARGET] = trial.target;
    this.#head[WAY] = trial.way;
    Atomics.add(this.#head, TURN, 1);
  }

  /** The last trial: a copy. */
  get(): Trial {
    return {
      target: this.#head[TARGET] ?? 0,
      way: this.#head[WAY] ?? 0,
      bytes: Uint8Array.from(this.#bytes.subarray(0, this.#head[LENGTH])),
    };
  }
}
