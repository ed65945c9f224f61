// What SHA-1 and SHA-256 share: 64-byte blocks, a running length, the closing padding (FIPS 180-4, section 5.1.1).

import type { HashState } from "../host.ts";

/** Mix one 64-byte block, `block[offset..offset+64]`, into the words of `state`. */
export type Compress = (state: Uint32Array, block: Uint8Array, offset: number) => void;

/** An incremental hash around a compression function. `initial` is copied. */
export function createBlockHash(initial: readonly number[], compress: Compress): HashState {
  const state = Uint32Array.from(initial);
  const pending = new Uint8Array(64);
  let pendingLength = 0;
  let totalBytes = 0;

  const update = (bytes: Uint8Array): void => {
    totalBytes += bytes.length;
    let offset = 0;
    if (pendingLength > 0) {
      offset = Math.min(64 - pendingLength, bytes.length);
      pending.set(bytes.subarray(0, offset), pendingLength);
      pendingLength += offset;
      if (pendingLength < 64) return;
      compress(state, pending, 0);
      pendingLength = 0;
    }
    for (; bytes.length - offset >= 64; offset += 64) compress(state, bytes, offset);
    pending.set(bytes.subarray(offset));
    pendingLength = bytes.length - offset;
  };

  const digest = (): Uint8Array => {
    const lengthBits = totalBytes * 8;
    const padding = new Uint8Array(pendingLength < 56 ? 64 - pendingLength : 128 - pendingLength);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(lengthBits / 0x1_0000_0000));
    view.setUint32(padding.length - 4, lengthBits % 0x1_0000_0000);
    update(padding);
    const result = new Uint8Array(state.length * 4);
    const words = new DataView(result.buffer);
    for (let index = 0; index < state.length; index += 1) words.setUint32(index * 4, state[index] ?? 0);
    return result;
  };

  return { update, digest };
}
