/** The git:// protocol around the services: one packet names the repository, then client and server talk. */

import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import {
  decodeDaemonRequest,
  type DaemonRequest,
  encodeErrPacket,
  parseGitProtocolHeader,
  PktLineDecoder,
} from "@gitsync/protocol";
import type { Wire } from "./conversation.ts";
import type { Hold } from "./http-rim.ts";

/** A TCP server that is not listening yet. `isThere` tells whether a repository is at a path. */
export function tcpRim(hold: Hold, isThere: (path: string) => boolean): Server {
  return createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined); // The client left: whoever reads or writes learns of it.
    answer(socket, hold, isThere).catch(() => socket.destroy());
  });
}

async function answer(socket: Socket, hold: Hold, isThere: (path: string) => boolean): Promise<void> {
  const chunks: AsyncIterator<Buffer> = socket.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]();
  const { request, rest } = await readRequest(chunks);
  const { service, path, extraParameters = [] } = request;
  if (service === "git-upload-archive" || !isThere(path)) {
    // As git's own daemon says it.
    socket.end(encodeErrPacket(`access denied or repository not exported: ${path}`));
    return;
  }
  const version = parseGitProtocolHeader(extraParameters.join(":"));
  await hold({ service, version, transport: "stateful", path }, tcpWire(socket, chunks, rest), "both");
  socket.end();
}

async function readRequest(
  chunks: AsyncIterator<Buffer>,
): Promise<{ readonly request: DaemonRequest; readonly rest: Uint8Array }> {
  const decoder = new PktLineDecoder();
  let request: DaemonRequest | undefined;
  while (request === undefined) {
    const { done, value } = await chunks.next();
    if (done === true) throw new Error("the client left without a request");
    decoder.feed(value, (_, payload) => {
      request = decodeDaemonRequest(payload);
      return false;
    });
  }
  return { request, rest: decoder.rest().slice() };
}

function tcpWire(socket: Socket, chunks: AsyncIterator<Buffer>, rest: Uint8Array): Wire {
  const closed = once(socket, "close");
  async function* input(): AsyncGenerator<Uint8Array> {
    if (rest.length > 0) yield rest;
    for (;;) {
      const { done, value } = await chunks.next();
      if (done === true) return;
      yield value;
    }
  }
  return {
    input: input(),
    closed,
    write: async (bytes) => {
      if (socket.destroyed) throw new Error("the client has left");
      if (!socket.write(bytes)) await Promise.race([once(socket, "drain"), closed]);
    },
    cut: () => socket.destroy(),
  };
}
