// Makes an input that breaks a parser as short as a person wants to read.

/** Leave out pieces, long ones first, as long as `stillBreaks` says so, and until a time. A new array. */
export function minimise(
  bytes: Uint8Array,
  stillBreaks: (candidate: Uint8Array) => boolean,
  until: number = Infinity,
): Uint8Array {
  let best = bytes.slice();
  for (let length = Math.ceil(best.length / 2); length >= 1; length = Math.floor(length / 2)) {
    for (let at = 0; at < best.length;) {
      if (performance.now() > until) return best;
      const candidate = new Uint8Array(Math.max(at, best.length - length));
      candidate.set(best.subarray(0, at));
      candidate.set(best.subarray(at + length), at);
      if (stillBreaks(candidate)) best = candidate;
      else at += length;
    }
  }
  return best;
}
