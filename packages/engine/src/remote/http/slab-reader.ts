/**
 * Reads a connection into few large buffers instead of one buffer per read, so that reads are as long as what has
 * arrived and {@link SpentBuffers} can give each buffer back when it was read.
 */

import type { OnReadOpts, Socket } from "node:net";
import { BUFFER_BYTES, takeBuffer } from "../release-bytes.ts";

/** The least room that a read is given. */
const MIN_ROOM_BYTES = 64 * 1024;

const slabs = new WeakSet<ArrayBufferLike>();

/** Whether a connection read into this buffer, and may go on to do so until it turned to another. */
export function isSlab(buffer: ArrayBufferLike): boolean {
  return slabs.has(buffer);
}

/** For one connection; a buffer that has no room left is not touched again. */
export class SlabReader {
  #slab: Buffer<ArrayBuffer> | undefined;
  #socket: Socket | undefined;

  /** To be connected with (`onread`, net.connect()). */
  readonly onread: OnReadOpts = {
    buffer: () => {
      if (this.#slab === undefined || this.#slab.length < MIN_ROOM_BYTES) {
        this.#slab = Buffer.from(takeBuffer(), 0, BUFFER_BYTES);
        slabs.add(this.#slab.buffer);
      }
      return this.#slab;
    },
    callback: (length, bytes) => {
      if (this.#socket === undefined) throw new Error("a connection was read before it was made");
      this.#slab = this.#slab?.subarray(length);
      // What the connection does by itself with what it reads, its limit on what may wait included.
      return this.#socket.push(bytes.subarray(0, length));
    },
  };

  /** The connection that was made; what comes is readable from it, as from any other. */
  attach(socket: Socket): void {
    this.#socket = socket;
  }
}
