// SHA-256 (FIPS 180-4, section 6.2), where the host has none.

import type { HashState } from "../host.ts";
import { createBlockHash } from "./block-hash.ts";

// The constants are the first 32 fractional bits of the cube (K) and square (H) roots of the first primes.
const PRIMES: readonly number[] = /* @__PURE__ */ firstPrimes(64);
const K: Int32Array = /* @__PURE__ */ Int32Array.from(PRIMES, (prime) => fractionBits(Math.cbrt(prime)));
const INITIAL: readonly number[] = /* @__PURE__ */ PRIMES.slice(0, 8).map((prime) =>
  fractionBits(Math.sqrt(prime)),
);

/** An incremental SHA-256: 32 bytes. */
export function createSha256(): HashState {
  const schedule = new Int32Array(64);
  return createBlockHash(INITIAL, (state, block, offset) => {
    for (let index = 0; index < 16; index += 1) {
      const at = offset + index * 4;
      schedule[index] =
        ((block[at] ?? 0) << 24) |
        ((block[at + 1] ?? 0) << 16) |
        ((block[at + 2] ?? 0) << 8) |
        (block[at + 3] ?? 0);
    }
    for (let index = 16; index < 64; index += 1) {
      const x = schedule[index - 15] ?? 0;
      const y = schedule[index - 2] ?? 0;
      const small0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
      const small1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
      schedule[index] = (schedule[index - 16] ?? 0) + small0 + (schedule[index - 7] ?? 0) + small1;
    }
    const words = Int32Array.from(state);
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = words;
    for (let index = 0; index < 64; index += 1) {
      const big1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const first = (h + big1 + ((e & f) ^ (~e & g)) + (K[index] ?? 0) + (schedule[index] ?? 0)) | 0;
      const big0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const second = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + first) | 0;
      d = c;
      c = b;
      b = a;
      a = (first + second) | 0;
    }
    const mixed = [a, b, c, d, e, f, g, h];
    for (let index = 0; index < 8; index += 1) state[index] = (state[index] ?? 0) + (mixed[index] ?? 0);
  });
}

function rotate(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

function fractionBits(root: number): number {
  return Math.floor((root - Math.floor(root)) * 0x1_0000_0000) | 0;
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let candidate = 2; primes.length < count; candidate += 1) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return primes;
}
