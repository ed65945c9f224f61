/** Smart HTTP around the services: one request, one answer, nothing remembered in between. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createGunzip } from "node:zlib";
import { parseSmartHttpRequest } from "@gitsync/protocol";
import type { Topic, Wire } from "./conversation.ts";

/** Holds a conversation; `advertise` alone for the first request of a client. */
export type Hold = (topic: Topic, wire: Wire, part: "advertise" | "serve" | "both") => Promise<void>;

/** An HTTP server that is not listening yet. `isThere` tells whether a repository is at a path. */
export function httpRim(hold: Hold, isThere: (path: string) => boolean): Server {
  return createServer((request, response) => {
    const { socket } = request; // The request forgets it when the client leaves.
    answer(request, response, hold, isThere).catch(() => socket.destroy());
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  hold: Hold,
  isThere: (path: string) => boolean,
): Promise<void> {
  const { method = "", url: target = "", headers } = request;
  const asked = parseSmartHttpRequest({ method, target, headers });
  const refuse = (status: number, reason: string): void => {
    request.resume();
    response.writeHead(status, { "content-type": "text/plain" }).end(`${reason}\n`);
  };
  if (asked.type === "refused") return refuse(asked.status, asked.reason);
  if (!isThere(asked.path)) return refuse(404, "no such repository");
  const { service, path, version } = asked;
  response.writeHead(200, asked.headers);
  response.flushHeaders();
  const wire = httpWire(request, response);
  await hold(
    { service, version, transport: "stateless", path },
    wire,
    asked.type === "rpc" ? "serve" : "advertise",
  );
  // A client that sends more than was read is heard to the end: it would take a reset for a failure.
  request.resume();
  response.end();
}

function httpWire(request: IncomingMessage, response: ServerResponse): Wire {
  const closed = once(response, "close");
  const isZipped = request.headers["content-encoding"] === "gzip";
  const { socket } = request;
  return {
    // Whoever has read enough leaves the connection open for the answer.
    input: (isZipped ? request.pipe(createGunzip()) : request).iterator({ destroyOnReturn: false }),
    closed,
    write: async (bytes) => {
      if (response.destroyed) throw new Error("the client has left");
      if (!response.write(bytes)) await Promise.race([once(response, "drain"), closed]);
    },
    cut: () => socket.destroy(),
  };
}
