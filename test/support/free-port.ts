/** A TCP port on the loopback address that nothing listens on. */

import { once } from "node:events";
import { createServer } from "node:net";

/** Ask the system for a free port. It is free when this returns; take it at once. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  server.close();
  await once(server, "close");
  return address.port;
}

/** An address as it stands before a port: one of IPv6 in brackets. */
export function hostIn(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
