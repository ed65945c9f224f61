// The checksum of zlib streams.

/** RFC 1950, section 8.2. 5552 bytes are the most that cannot overflow 32 bits between two reductions. */
export function adler32(bytes: Uint8Array, start: number, end: number): number {
  let low = 1;
  let high = 0;
  for (let index = start; index < end;) {
    const stop = Math.min(end, index + 5552);
    // Four at a time, so that one addition need not wait for another.
    for (; index + 4 <= stop; index += 4) {
      const first = bytes[index] ?? 0;
      const second = bytes[index + 1] ?? 0;
      const third = bytes[index + 2] ?? 0;
      const fourth = bytes[index + 3] ?? 0;
      high += 4 * (low + first) + 3 * second + 2 * third + fourth;
      low += first + second + third + fourth;
    }
    for (; index < stop; index += 1) {
      low += bytes[index] ?? 0;
      high += low;
    }
    low %= 65521;
    high %= 65521;
  }
  return high * 65536 + low;
}
