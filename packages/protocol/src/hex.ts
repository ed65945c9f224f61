// Hex digits and the bytes they stand for, by table: parseInt would also read " 12", "0x1" and "12zz".

/** Value of a hex digit of either case by its byte; 255 for every other byte. */
export const HEX_VALUE: Uint8Array = /* @__PURE__ */ (() => {
  const table = new Uint8Array(256).fill(255);
  for (let value = 0; value < 16; value += 1) {
    table[value.toString(16).charCodeAt(0)] = value;
    table[value.toString(16).toUpperCase().charCodeAt(0)] = value;
  }
  return table;
})();

const PAIRS: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Two lower-case digits for each byte. */
export function hexText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += PAIRS[byte];
  return text;
}

// The byte that two digits stand for, by both their bytes at once, low byte first; 256 where one is no digit.
const PAIR_VALUE: Uint16Array = /* @__PURE__ */ (() => {
  const table = new Uint16Array(0x1_0000).fill(256);
  const digits = Array.from("0123456789abcdefABCDEF", (digit) => digit.charCodeAt(0));
  for (const high of digits) {
    for (const low of digits) {
      table[(low << 8) | high] = ((HEX_VALUE[high] ?? 0) << 4) | (HEX_VALUE[low] ?? 0);
    }
  }
  return table;
})();

/**
 * Write the `length` bytes that the hex digits at `start` of `source` stand for to `at` of `target`. `length` is a
 * multiple of four: of a million ids, eight digits at a time.
 *
 * @returns false when something else than hex digits is there; what was written then means nothing.
 * @throws {RangeError} when either range is not there.
 */
export function readHex(
  source: DataView,
  start: number,
  target: DataView,
  at: number,
  length: number,
): boolean {
  let seen = 0;
  for (let index = 0, from = start; index < length; index += 4, from += 8) {
    const left = source.getInt32(from, true);
    const right = source.getInt32(from + 4, true);
    const a = PAIR_VALUE[left & 0xffff] ?? 256;
    const b = PAIR_VALUE[left >>> 16] ?? 256;
    const c = PAIR_VALUE[right & 0xffff] ?? 256;
    const d = PAIR_VALUE[right >>> 16] ?? 256;
    seen |= a | b | c | d;
    target.setInt32(at + index, a | (b << 8) | (c << 16) | (d << 24), true);
  }
  return seen < 256;
}

/** The bytes of a view, as a view that reads words. */
export function wordsOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
