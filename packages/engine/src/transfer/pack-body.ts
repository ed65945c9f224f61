/** The pack of a push as its transport sees it: complete and replayable, or a stream that can be read once. */

/** Every byte is there and its trailer is verified; may be read and sent again. */
export interface CompletePack {
  readonly kind: "complete";
  /** Each iteration begins at the first byte. */
  readonly chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  readonly byteLength: number;
}

/** The rest is still on its way. The stream throws instead of ending when the pack is not what it claims to be. */
export interface StreamedPack {
  readonly kind: "stream";
  readonly chunks: AsyncIterable<Uint8Array>;
}

export type PackBody = CompletePack | StreamedPack;
