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
      readonly data: Uint8Array;
      /** Compressed bytes read. */ readonly consumed: number;
    }
  | { readonly type: "truncated" }
  | { readonly type: "too-long" }
  | { readonly type: "corrupt" };

/** What the rest of the package needs from its host. */
export interface Accelerators {
  createHash(format: ObjectFormat): HashState;
  /** CRC-32 of `bytes`, continued from `seed`; unsigned. */
  crc32(bytes: Uint8Array, seed?: number): number;
  /** Inflate the one zlib stream at the start of `source`, at most `maxLength` bytes of output. */
  inflate(source: Uint8Array, maxLength: number): InflateResult;
  deflate(bytes: Uint8Array): Uint8Array;
  /** The text of `bytes` if all are ASCII. */
  asciiText(bytes: Uint8Array): string | undefined;
  /** Two lower-case hex digits for each byte. */
  hexText(bytes: Uint8Array): string;
}
