// CRC-32 as zlib and pack indexes use it (RFC 1952, section 8), where the host has none.

const TABLE: Uint32Array = /* @__PURE__ */ (() => {
  const table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    table[byte] = value;
  }
  return table;
})();

/** CRC-32 of `bytes`, continued from `seed`; unsigned 32-bit. */
export function crc32Bytes(bytes: Uint8Array, seed: number = 0): number {
  let crc = ~seed;
  for (let index = 0; index < bytes.length; index += 1) {
    crc = (TABLE[(crc ^ (bytes[index] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
