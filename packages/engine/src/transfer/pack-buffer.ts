/**
 * The bounded buffer between source and target.
 *
 * A pack that fits is complete, its trailer verified, before the push opens: it can be sent with its length and
 * sent again. A larger one goes through a spool file, with the same guarantees, or streams once the buffer is
 * full, so that a source that is still counting never holds an open push. In every mode the last bytes leave only
 * when the running hash agrees with the pack's trailer.
 */

import { hashByteLength, PackVerifier, type ObjectFormat } from "@gitsync/protocol";
import { monotonicNow } from "../clock.ts";
import { SyncError } from "../errors.ts";
import { releaseGathered } from "../remote/gather.ts";
import { protocolFailure } from "../remote/protocol-failure.ts";
import type { PackBody } from "./pack-body.ts";
import type { PackGuard } from "./pack-guard.ts";
import type { SpoolFile, SpoolFolder } from "./spool.ts";

export interface PackBufferOptions {
  readonly objectFormat: ObjectFormat;
  readonly memoryBytes: number;
  /** Where a pack goes that memory does not hold; none: it streams. */
  readonly spool: SpoolFolder | undefined;
  readonly maxPackBytes: number;
  readonly guard: PackGuard | undefined;
  /** The source as it may be shown. */
  readonly label: string;
  /** Told of every chunk that arrived. */
  readonly onReceived: (bytes: number, objects: number | undefined) => void;
}

/** Where a pack is while it is pushed. */
export type BufferMode = "memory" | "stream" | "spool";

export interface PackFacts {
  /** As the pack's header says. */
  readonly objects: number;
  /** Received so far. */
  readonly bytes: number;
  /** While it streamed, the source was waited for longer than the target. */
  readonly sourceWasSlow: boolean;
}

export interface BufferedPack {
  readonly mode: BufferMode;
  readonly body: PackBody;
  /** Read by whoever reports once the pack went through, or did not. */
  readonly facts: () => PackFacts;
  /** Stop the source and give up what is held, whatever became of the body. */
  close(): Promise<void>;
}

/** Read from `source` until the pack is complete, or, when it is to stream, until the buffer is full. */
export async function bufferPack(
  source: AsyncIterable<Uint8Array>,
  options: PackBufferOptions,
): Promise<BufferedPack> {
  const incoming = new VerifiedPack(source, options);
  const held: Uint8Array[] = [];
  let heldBytes = 0;
  try {
    while (heldBytes < options.memoryBytes) {
      const next = await incoming.chunks.next();
      if (next.done === true) {
        return {
          mode: "memory",
          body: { kind: "complete", chunks: held, byteLength: heldBytes },
          facts: () => incoming.facts(false),
          close: async () => {},
        };
      }
      held.push(next.value);
      heldBytes += next.value.length;
    }
    if (options.spool !== undefined) return await spooled(options.spool, held, incoming);
  } catch (error) {
    await incoming.chunks.return();
    throw error;
  }
  const waits = new Waits();
  return {
    mode: "stream",
    body: { kind: "stream", chunks: thenRest(held, incoming.chunks, waits) },
    facts: () => incoming.facts(waits.sourceMs > waits.targetMs),
    close: async () => {
      await incoming.chunks.return();
    },
  };
}

/** All of it in a file: what is held already, then the rest. */
async function spooled(
  folder: SpoolFolder,
  held: Uint8Array[],
  incoming: VerifiedPack,
): Promise<BufferedPack> {
  const file: SpoolFile = await folder.open();
  try {
    for await (const chunk of thenRest(held, incoming.chunks)) {
      await file.write(chunk);
      releaseGathered(chunk);
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    mode: "spool",
    body: {
      kind: "complete",
      chunks: { [Symbol.asyncIterator]: () => file.chunks()[Symbol.asyncIterator]() },
      byteLength: file.byteLength,
    },
    facts: () => incoming.facts(false),
    close: () => file.close(),
  };
}

/**
 * The source's chunks as they came, those that hold the trailer withheld until it is proven; throws instead of ending
 * when it is not.
 */
class VerifiedPack {
  readonly #options: PackBufferOptions;
  readonly #verifier: PackVerifier;
  readonly chunks: AsyncGenerator<Uint8Array, void, undefined>;

  constructor(source: AsyncIterable<Uint8Array>, options: PackBufferOptions) {
    this.#options = options;
    this.#verifier = new PackVerifier({ format: options.objectFormat });
    this.chunks = this.#check(source);
  }

  facts(sourceWasSlow: boolean): PackFacts {
    return { objects: this.#verifier.objectCount ?? 0, bytes: this.#verifier.bytes, sourceWasSlow };
  }

  async *#check(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    const { maxPackBytes, label, guard, onReceived } = this.#options;
    const verifier = this.#verifier;
    const trailerBytes = hashByteLength(this.#options.objectFormat);
    // Chunks that leave whole cost one write each; the trailer cut off each of them would cost two.
    const withheld: Uint8Array[] = [];
    let withheldBytes = 0;
    for await (const chunk of source) {
      this.#checked(() => verifier.feed(chunk));
      onReceived(chunk.length, verifier.objectCount);
      if (verifier.bytes > maxPackBytes) {
        throw new SyncError(
          "PACK_LIMIT",
          `The source's pack is larger than ${maxPackBytes} bytes (${label})`,
          {
            limit: maxPackBytes,
          },
        );
      }
      guard?.check(verifier.bytes, verifier.objectCount);
      withheld.push(chunk);
      withheldBytes += chunk.length;
      for (;;) {
        const first = withheld[0];
        if (first === undefined || withheldBytes - first.length < trailerBytes) break;
        withheld.shift();
        withheldBytes -= first.length;
        yield first;
      }
    }
    this.#checked(() => verifier.finish());
    yield* withheld;
  }

  #checked<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw protocolFailure(error, "source", this.#options.label);
    }
  }
}

/** Who was waited for while a pack streamed. */
class Waits {
  sourceMs = 0;
  targetMs = 0;
}

async function* thenRest(
  held: Uint8Array[],
  rest: AsyncGenerator<Uint8Array, void, undefined>,
  waits?: Waits,
): AsyncGenerator<Uint8Array, void, undefined> {
  let takenMs = waits === undefined ? 0 : monotonicNow();
  try {
    // Each chunk is let go of as it leaves, so that the buffer drains.
    for (let chunk = held.shift(); chunk !== undefined; chunk = held.shift()) yield chunk;
    if (waits === undefined) {
      yield* rest;
      return;
    }
    for (;;) {
      const askedMs = monotonicNow();
      waits.targetMs += askedMs - takenMs;
      const next = await rest.next();
      takenMs = monotonicNow();
      waits.sourceMs += takenMs - askedMs;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await rest.return();
  }
}
