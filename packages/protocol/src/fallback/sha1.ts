// SHA-1 (FIPS 180-4, section 6.1), where the host has none.

import type { HashState } from "../host.ts";
import { createBlockHash } from "./block-hash.ts";

/** An incremental SHA-1: 20 bytes. */
export function createSha1(): HashState {
  const schedule = new Int32Array(80);
  return createBlockHash(
    [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0],
    (state, block, offset) => {
      for (let index = 0; index < 16; index += 1) {
        const at = offset + index * 4;
        schedule[index] =
          ((block[at] ?? 0) << 24) |
          ((block[at + 1] ?? 0) << 16) |
          ((block[at + 2] ?? 0) << 8) |
          (block[at + 3] ?? 0);
      }
      for (let index = 16; index < 80; index += 1) {
        const word =
          (schedule[index - 3] ?? 0) ^
          (schedule[index - 8] ?? 0) ^
          (schedule[index - 14] ?? 0) ^
          (schedule[index - 16] ?? 0);
        schedule[index] = (word << 1) | (word >>> 31);
      }
      let a = state[0] ?? 0;
      let b = state[1] ?? 0;
      let c = state[2] ?? 0;
      let d = state[3] ?? 0;
      let e = state[4] ?? 0;
      for (let index = 0; index < 80; index += 1) {
        let mixed: number;
        if (index < 20) mixed = ((b & c) | (~b & d)) + 0x5a827999;
        else if (index < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
        else if (index < 60) mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
        else mixed = (b ^ c ^ d) + 0xca62c1d6;
        const next = (((a << 5) | (a >>> 27)) + mixed + e + (schedule[index] ?? 0)) | 0;
        e = d;
        d = c;
        c = (b << 30) | (b >>> 2);
        b = a;
        a = next;
      }
      state[0] = (state[0] ?? 0) + a;
      state[1] = (state[1] ?? 0) + b;
      state[2] = (state[2] ?? 0) + c;
      state[3] = (state[3] ?? 0) + d;
      state[4] = (state[4] ?? 0) + e;
    },
  );
}
