/** Takes a pack from a stream that does not end with it. */

import { type ObjectFormat, PackReader } from "@gitsync/protocol";

/** Collects bytes until the pack in them is complete, however they are cut. */
export class PackIntake {
  readonly #reader: PackReader;
  readonly #chunks: Uint8Array[] = [];

  constructor(format: ObjectFormat) {
    this.#reader = new PackReader({ format });
  }

  /** @returns true once the pack is complete. Throws a `ProtocolError` for what is no pack. */
  feed(chunk: Uint8Array): boolean {
    this.#chunks.push(chunk.slice());
    return this.#reader.feed(chunk);
  }

  /** What came of the pack so far; all of it once it is complete. */
  take(): Uint8Array {
    const bytes = Buffer.concat(this.#chunks);
    return bytes.subarray(0, bytes.length - this.#reader.rest().length);
  }
}
