// What can be fuzzed: the seam between the parsers and the two ways of damaging their input. Pure.

import { concat } from "../src/testing/bytes.ts";
import type { Subject } from "../src/testing/cuts.ts";

/** One parser. */
export interface FuzzTarget {
  readonly name: string;
  /** It begins with the recordings of real git whose names start so. */
  readonly recordings: readonly string[];
  /** And with these. */
  readonly seeds: readonly Uint8Array[];
  /** The ways in which the parser may be called, by name. */
  readonly ways: Readonly<Record<string, () => Subject>>;
}

/** A parser that wants all its bytes at once. */
export function onWhole(parse: (bytes: Uint8Array) => unknown): () => Subject {
  return () => {
    const chunks: Uint8Array[] = [];
    return {
      feed: (chunk) => void chunks.push(chunk.slice()),
      finish: () => parse(concat(...chunks)),
    };
  };
}

/** A parser that is fed chunks and asked at the end. */
export function feeding<Decoder extends { feed(chunk: Uint8Array): unknown }>(
  create: () => Decoder,
  finish: (decoder: Decoder) => unknown,
): () => Subject {
  return () => {
    const decoder = create();
    return { feed: (chunk) => decoder.feed(chunk), finish: () => finish(decoder) };
  };
}

/** What a stream of views says, whatever its pieces: their number of bytes and a checksum. */
export function digest(): { readonly add: (view: Uint8Array) => void; readonly text: () => string } {
  let length = 0;
  let sum = 0;
  return {
    add: (view) => {
      length += view.length;
      for (const byte of view) sum = (Math.imul(sum, 31) + byte) | 0;
    },
    text: () => `${length} bytes, ${sum}`,
  };
}
