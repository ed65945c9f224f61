/** TLS sessions to be resumed: the last one of each server, so that another connection is a shorter handshake. */

import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** For how many servers; the one that was kept longest goes first. */
const MAX_SERVERS = 100;

/** Of one way to prove who both sides are; never shared between two. */
export class TlsSessions {
  readonly #sessions = new Map<string, Buffer>();

  /** The session to resume with `server`; none when there was none. */
  of(server: string): Buffer | undefined {
    return this.#sessions.get(server);
  }

  /** Keep what `server` offers over this connection, now and later. */
  keep(server: string, socket: Socket): void {
    if (!(socket instanceof TLSSocket)) return;
    socket.on("session", (session: Buffer) => {
      this.#sessions.delete(server);
      this.#sessions.set(server, session);
      for (const oldest of this.#sessions.keys()) {
        if (this.#sessions.size <= MAX_SERVERS) break;
        this.#sessions.delete(oldest);
      }
    });
  }
}
