/** Bytes that nothing can compress, the same for the same seed: the key stream of a cipher. */

import { createCipheriv, createHash } from "node:crypto";

/** Gives more noise at each call. */
export function noiseSource(seed: string): (bytes: number) => Buffer {
  const key = createHash("sha256").update(seed).digest();
  const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  return (bytes) => cipher.update(Buffer.alloc(bytes));
}

export function noise(bytes: number, seed = "noise"): Buffer {
  return noiseSource(seed)(bytes);
}
