/**
 * Gives memory back at once instead of at the next garbage collection.
 *
 * A relay makes gigabytes of short-lived buffers and hardly any objects, so the collector runs for the buffers
 * alone, and its runs cost more than everything else a relay does.
 */

/** Free the memory of `bytes`, which must be the only view of its buffer; a part of a buffer is left alone. */
export function releaseBytes(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && bytes.length === buffer.byteLength) releaseBuffer(buffer);
}

/** Free a buffer that nobody reads any more. Views of it become empty. */
export function releaseBuffer(buffer: ArrayBuffer): void {
  if (!buffer.detached) buffer.transfer(0);
}
