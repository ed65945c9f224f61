/**
 * Frees the chunks of a streamed push as soon as the network took them.
 *
 * Between a body and its connection stands the HTTP client, which does not tell when a chunk was written. The
 * connection does, and it is made here: see guarded-dispatcher.ts.
 */

import type { Socket } from "node:net";
import { releaseGathered } from "../gather.ts";

/** Buffers of chunks that go out once and are not read by anybody afterwards. */
const handedOver = new WeakSet<ArrayBufferLike>();

/** Let the connection free this chunk when it is written. It must be of a body that is never sent again. */
export function handOver(chunk: Uint8Array): void {
  handedOver.add(chunk.buffer);
}

/** The same socket, which from now on frees what was handed over, written or given up. */
export function freeingHandedOver<Connection extends Socket>(socket: Connection): Connection {
  const write = socket.write.bind(socket);
  socket.write = (chunk: Uint8Array | string, ...options: readonly unknown[]): boolean => {
    const isOurs = typeof chunk !== "string" && options.length === 0 && handedOver.delete(chunk.buffer);
    const rest = isOurs ? [() => releaseGathered(chunk)] : options;
    return Reflect.apply(write, undefined, [chunk, ...rest]);
  };
  return socket;
}
