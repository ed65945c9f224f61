/**
 * The bounded buffer between source and target.
 *
 * A pack that fits is complete, its trailer verified, before the push opens: it can be sent with its length and
 * sent again. A larger one streams once the buffer is full, so that a source that is still counting never holds
 * an open push. In both cases the last bytes leave only when the running hash agrees with the pack's trailer.
 */

import { PackVerifier, type ObjectFormat } from "@gitsync/protocol";
import { SyncError } from "../errors.ts";
import { protocolFailure } from "../remote/protocol-failure.ts";
import type { PackBody } from "./pack-body.ts";

export interface PackBufferOptions {
  readonly objectFormat: ObjectFormat;
  readonly memoryBytes: number;
  readonly maxPackBytes: number;
  /** The source as it may be shown. */
  readonly label: string;
  /** Told of every chunk that arrived. */
  readonly onReceived: (bytes: number, objects: number | undefined) => void;
}

export interface BufferedPack {
  readonly body: PackBody;
  /** From the pack's header; read by whoever reports once the pack went through. */
  readonly facts: () => { readonly objects: number; readonly bytes: number };
  /** Stop the source, whatever became of the body. */
  close(): Promise<void>;
}

/** Read from `source` until the pack is complete or the buffer is full. */
export async function bufferPack(
  source: AsyncIterable<Uint8Array>,
  options: PackBufferOptions,
): Promise<BufferedPack> {
  const incoming = verified(source, options);
  const held: Uint8Array[] = [];
  let heldBytes = 0;
  try {
    while (heldBytes < options.memoryBytes) {
      const next = await incoming.chunks.next();
      if (next.done === true) {
        return {
          body: { kind: "complete", chunks: held, byteLength: heldBytes },
          facts: incoming.facts,
          close: async () => {},
        };
      }
      held.push(next.value);
      heldBytes += next.value.length;
    }
  } catch (error) {
    await incoming.chunks.return();
    throw error;
  }
  return {
    body: { kind: "stream", chunks: thenRest(held, incoming.chunks) },
    facts: incoming.facts,
    close: async () => {
      await incoming.chunks.return();
    },
  };
}

interface VerifiedPack {
  readonly chunks: AsyncGenerator<Uint8Array, void, undefined>;
  readonly facts: () => { readonly objects: number; readonly bytes: number };
}

/** The same bytes, the trailer withheld until it is proven; throws instead of ending when it is not. */
function verified(source: AsyncIterable<Uint8Array>, options: PackBufferOptions): VerifiedPack {
  const verifier = new PackVerifier({ format: options.objectFormat });
  const check = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      const views = checked(() => verifier.feed(chunk), options);
      options.onReceived(chunk.length, verifier.objectCount);
      if (verifier.bytes > options.maxPackBytes) {
        throw new SyncError(
          "PACK_LIMIT",
          `The source's pack is larger than ${options.maxPackBytes} bytes (${options.label})`,
          {
            limit: options.maxPackBytes,
          },
        );
      }
      yield* views;
    }
    yield checked(() => verifier.finish(), options);
  };
  return { chunks: check(), facts: () => ({ objects: verifier.objectCount ?? 0, bytes: verifier.bytes }) };
}

function checked<T>(work: () => T, options: PackBufferOptions): T {
  try {
    return work();
  } catch (error) {
    throw protocolFailure(error, "source", options.label);
  }
}

async function* thenRest(
  held: Uint8Array[],
  rest: AsyncGenerator<Uint8Array, void, undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    // Each chunk is let go of as it leaves, so that the buffer drains.
    for (let chunk = held.shift(); chunk !== undefined; chunk = held.shift()) yield chunk;
    yield* rest;
  } finally {
    await rest.return();
  }
}
