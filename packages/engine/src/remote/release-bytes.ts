/**
 * Gives memory back at once instead of at the next garbage collection.
 *
 * A relay makes gigabytes of short-lived buffers and hardly any objects, so the collector would run for the buffers
 * alone, and its runs cost more than everything else a relay does. Buffers of the one size that everything on its
 * way passes in are kept for the next bytes: memory that is new to the process costs a page fault per 4 KiB.
 */

/** Large enough to make reads and writes rare, small enough that a few of them in flight do not matter. */
export const BUFFER_BYTES: number = 256 * 1024;

/** How much is kept when nothing is on its way. */
const MAX_IDLE = 16;

const idle: ArrayBuffer[] = [];

/** A buffer of {@link BUFFER_BYTES} with anything in it; belongs to the caller, who may release it or forget it. */
export function takeBuffer(): ArrayBuffer {
  return idle.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES).buffer;
}

/** Free the memory of `bytes`, which must be the only view of its buffer; a part of a buffer is left alone. */
export function releaseBytes(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && bytes.length === buffer.byteLength) releaseBuffer(buffer);
}

/** Free a buffer that nobody reads any more. Views of it become empty, also when its memory is used again. */
export function releaseBuffer(buffer: ArrayBuffer): void {
  if (buffer.detached) return;
  if (buffer.byteLength === BUFFER_BYTES && idle.length < MAX_IDLE) idle.push(buffer.transfer());
  else buffer.transfer(0);
}
