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

/** A pack that is these bytes. */
export function completePack(bytes: Uint8Array): PackBody {
  return { kind: "complete", chunks: [bytes], byteLength: bytes.length };
}

/** The same pack; `onTaken` hears of bytes when the transport comes back for more, once for each byte of the pack. */
export function counted(body: PackBody, onTaken: (bytes: number) => void): PackBody {
  let furthest = 0;
  const watch = async function* (chunks: PackBody["chunks"]): AsyncGenerator<Uint8Array, void, undefined> {
    let at = 0;
    for await (const chunk of chunks) {
      // Read now: whoever takes the chunk may free it.
      at += chunk.length;
      yield chunk;
      if (at > furthest) onTaken(at - furthest);
      furthest = Math.max(furthest, at);
    }
  };
  if (body.kind === "stream") return { kind: "stream", chunks: watch(body.chunks) };
  return { ...body, chunks: { [Symbol.asyncIterator]: () => watch(body.chunks) } };
}
