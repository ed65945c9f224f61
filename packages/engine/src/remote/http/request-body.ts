/** The body of a push over HTTP: the commands, then the pack. */

import { Readable } from "node:stream";
import type { PackBody } from "../../transfer/pack-body.ts";
import type { TrafficMeter } from "../connection.ts";
import { handOver } from "./hand-over.ts";
import type { StallGuard } from "./stall-guard.ts";

/** How much of a body may wait for the network. */
const WRITE_AHEAD_BYTES = 512 * 1024;

/** The length, when the pack is whole; without it the body is sent in chunks of unknown number. */
export function lengthHeader(head: Uint8Array, pack: PackBody): Readonly<Record<string, string>> {
  return pack.kind === "stream" ? {} : { "content-length": String(head.length + pack.byteLength) };
}

/** The bytes as a stream that notices a server which stops reading; `sent` is called after the last. */
export function streamedBody(
  head: Uint8Array,
  pack: PackBody,
  meter: TrafficMeter,
  stall: StallGuard,
  sent: () => void,
): Readable {
  return Readable.from(stall.watch(metered(head, pack, meter, stall.signal, sent)), {
    objectMode: false,
    highWaterMark: WRITE_AHEAD_BYTES,
  });
}

async function* metered(
  head: Uint8Array,
  pack: PackBody,
  meter: TrafficMeter,
  signal: AbortSignal,
  sent: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  meter.sent(head.length);
  yield head;
  for await (const chunk of pack.chunks) {
    signal.throwIfAborted();
    meter.sent(chunk.length);
    if (pack.kind === "stream") handOver(chunk);
    yield chunk;
  }
  sent();
}
