// The three variable-length numbers of packs. Multiplication, not shifts: `<<` goes wrong from bit 31 on.

/** A number and the offset behind it; undefined means that the bytes ended first, or the number is too large. */
export interface Varint {
  readonly value: number;
  readonly end: number;
}

/**
 * A size: groups of 7 bits, low end first (gitformat-pack(5), "Size encoding").
 *
 * @returns undefined when the bytes end first or the value exceeds 2^53 - 1.
 */
export function readSize(
  bytes: Uint8Array,
  offset: number,
  initial: number = 0,
  scale: number = 1,
): Varint | undefined {
  let value = initial;
  let factor = scale;
  for (let end = offset; end < bytes.length; end += 1) {
    const byte = bytes[end] ?? 0;
    value += (byte & 0x7f) * factor;
    if (!Number.isSafeInteger(value)) return undefined;
    if (byte < 0x80) return { value, end: end + 1 };
    factor *= 128;
    // Endless groups of zeros would keep the value small.
    if (factor > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return undefined;
}

/** Write a size as {@link readSize} reads it. */
export function writeSize(value: number, target: number[]): void {
  let left = value;
  while (left >= 128) {
    target.push((left % 128) | 0x80);
    left = Math.floor(left / 128);
  }
  target.push(left);
}

/**
 * The distance of an OFS_DELTA to its base: groups of 7 bits, high end first, one added for each continuation
 * (gitformat-pack(5), "offset encoding").
 *
 * @returns undefined when the bytes end first or the value exceeds 2^53 - 1.
 */
export function readBaseDistance(bytes: Uint8Array, offset: number): Varint | undefined {
  let value = -1;
  for (let end = offset; end < bytes.length; end += 1) {
    const byte = bytes[end] ?? 0;
    value = (value + 1) * 128 + (byte & 0x7f);
    if (!Number.isSafeInteger(value)) return undefined;
    if (byte < 0x80) return { value, end: end + 1 };
  }
  return undefined;
}

/** Write a distance as {@link readBaseDistance} reads it. */
export function encodeBaseDistance(distance: number): Uint8Array {
  const groups = [distance % 128];
  for (let left = Math.floor(distance / 128); left > 0; left = Math.floor(left / 128)) {
    left -= 1;
    groups.unshift((left % 128) | 0x80);
  }
  return Uint8Array.from(groups);
}
