/** Takes a pack from a stream that does not end with it. */

import { inflateSync } from "node:zlib";
import {
  decodePackEntryHeader,
  decodePackHeader,
  hashByteLength,
  type ObjectFormat,
  PACK_HEADER_LENGTH,
  ProtocolError,
} from "@gitsync/protocol";

/** Collects bytes until the pack in them is complete, however they are cut. Not verified: read the pack for that. */
export class PackIntake {
  readonly #format: ObjectFormat;
  #bytes = Buffer.alloc(0);
  #length = 0;
  /** Where the next entry begins, and how many are left; unknown before the header is there. */
  #next: { at: number; left: number } | undefined;
  #end: number | undefined;

  constructor(format: ObjectFormat) {
    this.#format = format;
  }

  get isComplete(): boolean {
    return this.#end !== undefined && this.#length >= this.#end;
  }

  /** @returns true once the pack is complete. Throws `PACK_INVALID` for what is no pack. */
  feed(chunk: Uint8Array): boolean {
    if (this.#length + chunk.length > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(this.#length + chunk.length, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length += chunk.length;
    this.#scan();
    return this.isComplete;
  }

  /** What came of the pack so far; all of it once it is complete. */
  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#end ?? this.#length);
  }

  #scan(): void {
    const bytes = this.#bytes.subarray(0, this.#length);
    if (this.#next === undefined) {
      if (bytes.length < PACK_HEADER_LENGTH) return;
      this.#next = { at: PACK_HEADER_LENGTH, left: decodePackHeader(bytes).objectCount };
    }
    const next = this.#next;
    while (next.left > 0) {
      const end = this.#entryEnd(bytes, next.at);
      if (end === undefined) return;
      next.at = end;
      next.left -= 1;
    }
    this.#end = next.at + hashByteLength(this.#format);
  }

  #entryEnd(bytes: Buffer, at: number): number | undefined {
    try {
      const { dataOffset, size } = decodePackEntryHeader(bytes, at, this.#format);
      const result: unknown = inflateSync(bytes.subarray(dataOffset), {
        info: true,
        maxOutputLength: Math.max(1, size),
      });
      return dataOffset + consumedBytes(result);
    } catch (error) {
      if (error instanceof ProtocolError && error.code === "PACK_TRUNCATED") return undefined;
      if (error instanceof Error && "code" in error && error.code === "Z_BUF_ERROR") return undefined;
      throw error;
    }
  }
}

function consumedBytes(result: unknown): number {
  if (typeof result === "object" && result !== null && "engine" in result) {
    const { engine } = result;
    if (typeof engine === "object" && engine !== null && "bytesWritten" in engine)
      return Number(engine.bytesWritten);
  }
  throw new Error("zlib does not say where a stream ended");
}
