// Makes an input that breaks a parser as short as a person wants to read.

/** Leave out pieces, long ones first, and blank bytes, as long as `stillBreaks` says so. A new array. */
export function minimise(bytes: Uint8Array, stillBreaks: (candidate: Uint8Array) => boolean): Uint8Array {
  let best = bytes.slice();
  for (let length = Math.ceil(best.length / 2); length >= 1; length = Math.floor(length / 2)) {
    for (let at = 0; at < best.length;) {
      const candidate = new Uint8Array([...best.subarray(0, at), ...best.subarray(at + length)]);
      if (stillBreaks(candidate)) best = candidate;
      else at += length;
    }
  }
  return best;
}
