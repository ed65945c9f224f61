// What the package needs from its host, as types: implemented by Node or by our own code.

import type { ObjectFormat } from "./object-id.ts";

/** A hash in progress. `digest` ends it. */
export interface HashState {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

/** Result of {@link Accelerators.inflate}. */
export type InflateResult =
  | {
      readonly type: "ok";
      /** As many bytes as were asked for; owned by the caller. */
      readonly data: Uint8Array;
      /** Compressed bytes read. */
      readonly consumed: number;
    }
  /** The stream goes on behind the source. */
  | { readonly type: "truncated" }
  /** It holds another number of bytes. */
  | { readonly type: "wrong-size" }
  | { readonly type: "corrupt" };

/** What the rest of the package needs from its host. */
export interface Accelerators {
  createHash(format: ObjectFormat): HashState;
  /** Write the hash of `bytes` to `target` at `at`: for many small ones. */
  hashInto(format: ObjectFormat, bytes: Uint8Array, target: Uint8Array, at: number): void;
  /** CRC-32 of `bytes`, continued from `seed`; unsigned. */
  crc32(bytes: Uint8Array, seed?: number): number;
  /** Inflate the one zlib stream at the start of `source`, which must be of `size` bytes. Bytes behind it are ignored. */
  inflate(source: Uint8Array, size: number): InflateResult;
  deflate(bytes: Uint8Array): Uint8Array;
  /** The text of `bytes` if all are ASCII. */
  asciiText(bytes: Uint8Array): string | undefined;
  /** Two lower-case hex digits for each byte. */
  hexText(bytes: Uint8Array): string;
}
