/** Taking a side-band stream apart, against the way that is written first: append, read the length as text, slice. */

import { SidebandDecoder, SidebandEncoder, type SidebandMode } from "../src/index.ts";
import type { Bench } from "./bench.ts";
import { cut } from "./chunks.ts";
import type { Figure } from "./figure.ts";
import { race, speedRatio } from "./race.ts";

const DATA_BYTES = 64 * 2 ** 20;

export const sideband: Bench = {
  name: "sideband",
  about: "side-band demultiplexer against Buffer.concat and parseInt",
  measure: async ({ repeat }) => {
    const figures: Figure[] = [];
    for (const mode of ["side-band-64k", "side-band"] as const) {
      const stream = streamOf(mode);
      const chunks = cut(stream);
      const naive = demuxNaively(chunks);
      const { bytes, foreign } = lookAtViews(chunks, stream.buffer);
      if (bytes !== DATA_BYTES || naive !== DATA_BYTES) throw new Error(`${mode}: the demultiplexers differ`);
      const times = await race(repeat, { ours: () => demux(chunks), naive: () => demuxNaively(chunks) });
      const atLeast = mode === "side-band-64k" ? { atLeast: 20 } : undefined;
      figures.push(speedRatio(`${mode}: times as fast as the naive way`, times.ours, times.naive, atLeast), {
        name: `${mode}: bytes of band 1 that were copied`,
        value: foreign,
        unit: "bytes",
        limit: { atMost: 0 },
        how: `${bytes} bytes seen, in views of what was fed`,
      });
    }
    return figures;
  },
};

function demux(chunks: readonly Uint8Array[]): number {
  let bytes = 0;
  const decoder = new SidebandDecoder({ onPack: (view) => (bytes += view.length) });
  for (const chunk of chunks) decoder.feed(chunk);
  decoder.finish();
  return bytes;
}

/** How many bytes came, and how many of them lay outside `input`. */
function lookAtViews(
  chunks: readonly Uint8Array[],
  input: ArrayBufferLike,
): { readonly bytes: number; readonly foreign: number } {
  let bytes = 0;
  let foreign = 0;
  const decoder = new SidebandDecoder({
    onPack: (view) => {
      bytes += view.length;
      if (view.buffer !== input) foreign += view.length;
    },
  });
  for (const chunk of chunks) decoder.feed(chunk);
  return { bytes, foreign };
}

function demuxNaively(chunks: readonly Uint8Array[]): number {
  let bytes = 0;
  let pending: Buffer = Buffer.alloc(0);
  for (const chunk of chunks) {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 4) {
      const length = Number.parseInt(pending.toString("latin1", 0, 4), 16);
      if (length === 0) return bytes;
      if (pending.length < length) break;
      if (pending[4] === 1) bytes += pending.subarray(5, length).length;
      pending = pending.subarray(length);
    }
  }
  throw new Error("the stream ended before its flush-pkt");
}

function streamOf(mode: SidebandMode): Uint8Array {
  const encoder = new SidebandEncoder(mode);
  return Buffer.concat([encoder.pack(new Uint8Array(DATA_BYTES)), encoder.flush()]);
}
