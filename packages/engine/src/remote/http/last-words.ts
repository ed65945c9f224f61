/**
 * Hears a server out that answered and hung up while a body was still being sent to it.
 *
 * Its answer (413, 411, 401 …) has arrived, but the next write fails, and a connection that failed is not read any
 * more. Whoever sends a body is to look out for an answer meanwhile (RFC 9112 §9.5), so here reading goes on.
 */

import type { Socket } from "node:net";

/** How long what has arrived may take to be read. It is here already, so this only ends what never answers. */
const HEAR_OUT_MS = 1_000;

const HUNG_UP = ["EPIPE", "ECONNRESET"];

type Written = (error?: Error | null) => void;

/** The same socket, whose writes fail only when there was time to read what the other side had said. */
export function hearingLastWords<Connection extends Socket>(socket: Connection): Connection {
  const heard = (written: Written): Written => {
    return (error) => {
      if (!error || !("code" in error) || !HUNG_UP.includes(String(error.code))) return written(error);
      // Nothing more is written meanwhile: the stream waits for this write. The end of reading closes the socket.
      const timer = setTimeout(() => written(error), HEAR_OUT_MS);
      socket.once("close", () => clearTimeout(timer));
    };
  };
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  socket._write = (chunk, encoding, written) => write(chunk, encoding, heard(written));
  if (writev !== undefined) socket._writev = (chunks, written) => writev(chunks, heard(written));
  return socket;
}
