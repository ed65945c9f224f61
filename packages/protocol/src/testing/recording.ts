// One recording of real git, with how it is read, as text, and how what was read is written again.

import { concat } from "./bytes.ts";
import type { Subject } from "./cuts.ts";

/** One recording, or one way to read it. */
export interface Recording {
  readonly file: string;
  readonly name: string;
  readonly stream: Uint8Array;
  /** Makes a reader whose value is a text. */
  readonly read: () => Subject;
  /** Reads and writes again. */
  readonly encode: (stream: Uint8Array) => Uint8Array;
  /** There are lengths shorter than the whole at which it may end. */
  readonly mayEndEarly?: boolean;
}

/** A reader whose value is the text of a decoder's. */
export function shown<Value>(
  decoder: { feed(chunk: Uint8Array): boolean; finish(): Value },
  format: (value: Value) => string,
): Subject {
  return { feed: (chunk) => decoder.feed(chunk), finish: () => format(decoder.finish()) };
}

/** For what has no decoder that takes it in pieces. */
export function gathered(read: (bytes: Uint8Array) => string): Subject {
  const pieces: Uint8Array[] = [];
  return { feed: (chunk) => pieces.push(chunk.slice()), finish: () => read(concat(...pieces)) };
}
