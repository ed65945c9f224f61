/** What a Redis says that lets nobody in: its client library drops these words with the connection. */

import { once } from "node:events";
import { connect } from "node:net";

const GREETING_MS = 1_000;
const MAX_BYTES = 4_096;

/**
 * The first words of a server that speaks before it is asked, without what follows the first line; empty when it says
 * nothing within a second, cannot be reached, or speaks TLS. Never rejects.
 */
export async function redisGreeting(url: string): Promise<string> {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== "redis:") return "";
  const host = hostname.replace(/^\[(.*)\]$/u, "$1");
  const socket = connect({ host: host === "" ? "127.0.0.1" : host, port: Number(port) || 6379 });
  try {
    const [chunk] = (await once(socket, "data", { signal: AbortSignal.timeout(GREETING_MS) })) as [Buffer];
    return chunk.toString("latin1", 0, MAX_BYTES).split("\r\n", 1)[0] ?? "";
  } catch {
    return "";
  } finally {
    socket.on("error", () => undefined).destroy();
  }
}
