// zlib by pako, where the host has none.

import {
  deflate,
  Z_BUF_ERROR,
  Z_FINISH,
  Z_OK,
  Z_STREAM_END,
  zlibInflate,
  zlibInflateEnd,
  zlibInflateInit,
  ZStream,
} from "pako";
import type { InflateResult } from "../host.ts";

/** Inflate the zlib stream at the start of `source`, at most `maxLength` bytes of output; trailing bytes are ignored. */
export function inflatePortable(source: Uint8Array, maxLength: number): InflateResult {
  const stream = new ZStream();
  // One byte more than allowed: an honest stream leaves it empty, so a longer one shows.
  const output = new Uint8Array(maxLength + 1);
  stream.input = source;
  stream.next_in = 0;
  stream.avail_in = source.length;
  stream.output = output;
  stream.next_out = 0;
  stream.avail_out = output.length;
  if (zlibInflateInit(stream) !== Z_OK) return { type: "corrupt" };
  try {
    const status = zlibInflate(stream, Z_FINISH);
    if (stream.avail_out === 0) return { type: "too-long" };
    if (status === Z_STREAM_END) {
      return { type: "ok", data: output.subarray(0, stream.next_out), consumed: stream.next_in };
    }
    return { type: status === Z_BUF_ERROR || status === Z_OK ? "truncated" : "corrupt" };
  } finally {
    zlibInflateEnd(stream);
  }
}

/** Deflate to a zlib stream. */
export function deflatePortable(bytes: Uint8Array): Uint8Array {
  return deflate(bytes);
}
