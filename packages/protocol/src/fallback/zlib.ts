// zlib by pako, where the host has none.

import { deflate } from "pako";
import type { InflateResult } from "../host.ts";
import { INFLATE_TRUNCATED, INFLATE_WRONG_SIZE } from "../zlib/inflate-answer.ts";
import { ResumableInflater } from "../zlib/resumable-inflater.ts";

let inflater: ResumableInflater | undefined;

/** Inflate the zlib stream of `size` bytes at the start of `source`; bytes behind it are ignored. */
export function inflatePortable(source: Uint8Array, size: number): InflateResult {
  const data = new Uint8Array(size);
  let at = 0;
  inflater ??= new ResumableInflater();
  inflater.begin(size);
  const answer = inflater.feed(source, 0, source.length, (piece) => {
    data.set(piece, at);
    at += piece.length;
  });
  if (answer === 0) return { type: "ok", data, consumed: inflater.consumed };
  if (answer === INFLATE_TRUNCATED) return { type: "truncated" };
  return { type: answer === INFLATE_WRONG_SIZE ? "wrong-size" : "corrupt" };
}

/** Deflate to a zlib stream. */
export function deflatePortable(bytes: Uint8Array): Uint8Array {
  return deflate(bytes);
}
