/** Streams as a socket hands them out. */

const CHUNK_BYTES = 64 * 1024;

/** Views of `bytes`, 64 KiB each and a shorter last one. */
export function cut(bytes: Uint8Array): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) chunks.push(bytes.subarray(at, at + CHUNK_BYTES));
  return chunks;
}
