/**
 * A TCP proxy that breaks connections: cut, flipped byte, silence, drip, latency, low bandwidth.
 * Knows nothing of HTTP; usable in front of any server.
 */

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** What happens to one direction of a connection. Positions count bytes of that direction. */
export type Toxic =
  /** Close after `at` bytes: in good order (`fin`) or with a reset. */
  | { readonly type: "cut"; readonly at: number; readonly how: "fin" | "reset" }
  /** Invert the bits of byte `at`. */
  | { readonly type: "flip"; readonly at: number }
  /** Pass `at` bytes, then nothing, with both connections open. */
  | { readonly type: "half-open"; readonly at: number }
  /** Pass pieces of `bytes`, one every `everyMs`. */
  | { readonly type: "drip"; readonly bytes: number; readonly everyMs: number }
  /** Hold each chunk back for `ms`. */
  | { readonly type: "latency"; readonly ms: number }
  | { readonly type: "bandwidth"; readonly bytesPerSecond: number };

export interface Toxics {
  /** Client to server. */
  readonly upstream?: readonly Toxic[];
  /** Server to client. */
  readonly downstream?: readonly Toxic[];
  /** Reset the connection as soon as it is made. */
  readonly refuse?: boolean;
}

/** The toxics of a connection, by its number, counted from 0 over the proxy's life. */
export type ToxicsOf = (connection: number) => Toxics;

export interface ChaosProxy extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly port: number;
  /** Connections taken so far. */
  readonly connections: number;
  /** Bytes that were passed on, over all connections. */
  readonly passed: { readonly upstream: number; readonly downstream: number };
  /** Replace the toxics of connections to come. */
  setToxics(toxics: Toxics | ToxicsOf): void;
  /** Reset every connection that is open now. */
  resetAll(): void;
  /** Pass nothing on from now on, in either direction, with every connection open. */
  hold(): void;
  /** The same for the connections that are open now, as a firewall that forgot them; those to come work. */
  forget(): void;
  /** Pass connections to come on to another port, as an address does that moved to another server. */
  leadTo(port: number): void;
}

/** Listen on a free port of the loopback address and pass everything on to a port of it, or to a socket's path. */
export async function startChaosProxy(
  first: number | string,
  toxics: Toxics | ToxicsOf = {},
): Promise<ChaosProxy> {
  const passed = { upstream: 0, downstream: 0 };
  const sockets = new Set<Socket>();
  let toxicsOf = perConnection(toxics);
  let connections = 0;
  let to = first;
  let isHeld = false;
  let forgotten = 0;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const chosen = toxicsOf(connections);
    const number = connections;
    const swallows = (): boolean => isHeld || number < forgotten;
    connections += 1;
    track(sockets, client);
    if (chosen.refuse === true) return void client.resetAndDestroy();
    const upstream = connect({ ...addressOf(to), allowHalfOpen: true });
    track(sockets, upstream);
    const reset = (): void => {
      client.resetAndDestroy();
      drop(upstream);
    };
    const count = (direction: "upstream" | "downstream") => (bytes: number) => {
      passed[direction] += bytes;
    };
    upstream.once("error", reset);
    client.once("error", reset);
    const ways = [
      pass(client, upstream, chosen.upstream ?? [], { reset, count: count("upstream"), swallows }),
      pass(upstream, client, chosen.downstream ?? [], { reset, count: count("downstream"), swallows }),
    ];
    for (const way of ways) way.catch(reset);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  const resetAll = (): void => sockets.forEach(drop);
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    get connections() {
      return connections;
    },
    passed,
    setToxics: (next) => {
      toxicsOf = perConnection(next);
    },
    resetAll,
    hold: () => {
      isHeld = true;
    },
    forget: () => {
      forgotten = connections;
    },
    leadTo: (next) => {
      to = next;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      resetAll();
      await closed;
    },
  };
}

function addressOf(
  to: number | string,
): { readonly host: string; readonly port: number } | { readonly path: string } {
  return typeof to === "number" ? { port: to, host: "127.0.0.1" } : { path: to };
}

/** A reset; the way to a socket's path knows none. */
function drop(socket: Socket): void {
  if (socket.remoteFamily === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

function perConnection(toxics: Toxics | ToxicsOf): ToxicsOf {
  return typeof toxics === "function" ? toxics : () => toxics;
}

function track(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.once("close", () => sockets.delete(socket));
}

/** What a connection shares with the proxy. */
interface Passing {
  readonly reset: () => void;
  readonly count: (bytes: number) => void;
  /** Whether what is read now is passed to nobody. */
  readonly swallows: () => boolean;
}

/** Pass one direction on, piece by piece, until it ends or a toxic ends it. */
async function pass(
  from: Socket,
  to: Socket,
  toxics: readonly Toxic[],
  { reset, count, swallows }: Passing,
): Promise<void> {
  const cut = toxics.find((toxic) => toxic.type === "cut");
  const silence = toxics.find((toxic) => toxic.type === "half-open");
  const stopAt = Math.min(cut?.at ?? Infinity, silence?.at ?? Infinity);
  let position = 0;
  for await (const chunk of from as AsyncIterable<Buffer>) {
    if (swallows()) continue;
    const kept = flipped(chunk.subarray(0, Math.max(0, stopAt - position)), position, toxics);
    for (const piece of pieces(kept, toxics)) {
      await delay(piece.length, toxics);
      count(piece.length);
      if (!to.write(piece)) await writable(to);
      if (to.destroyed) return;
    }
    position += chunk.length;
    if (position < stopAt) continue;
    if (silence !== undefined && silence.at <= (cut?.at ?? Infinity)) {
      await once(from.resume(), "close"); // Swallow the rest.
      return;
    }
    if (cut?.how === "reset") return reset();
    to.destroySoon();
    from.destroySoon();
    return;
  }
  to.end();
}

/** Resolves when the socket takes more, or never will. */
async function writable(socket: Socket): Promise<void> {
  const settled = new AbortController();
  const events = ["drain", "close"].map((event) => once(socket, event, { signal: settled.signal }));
  try {
    await Promise.race(events);
  } finally {
    settled.abort();
    await Promise.allSettled(events);
  }
}

function flipped(chunk: Buffer, position: number, toxics: readonly Toxic[]): Buffer {
  let result = chunk;
  for (const toxic of toxics) {
    const at = toxic.type === "flip" ? toxic.at - position : -1;
    if (at < 0 || at >= chunk.length) continue;
    if (result === chunk) result = Buffer.from(chunk);
    result[at] = ~(chunk[at] ?? 0) & 0xff;
  }
  return result;
}

function* pieces(chunk: Buffer, toxics: readonly Toxic[]): Generator<Buffer> {
  const drip = toxics.find((toxic) => toxic.type === "drip");
  if (chunk.length === 0) return;
  if (drip === undefined) return yield chunk;
  for (let at = 0; at < chunk.length; at += drip.bytes) yield chunk.subarray(at, at + drip.bytes);
}

async function delay(bytes: number, toxics: readonly Toxic[]): Promise<void> {
  let ms = 0;
  for (const toxic of toxics) {
    if (toxic.type === "latency") ms += toxic.ms;
    if (toxic.type === "drip") ms += toxic.everyMs;
    if (toxic.type === "bandwidth") ms += (bytes / toxic.bytesPerSecond) * 1_000;
  }
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}
