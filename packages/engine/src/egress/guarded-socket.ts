/** A TCP connection whose address was checked before it was made and whose peer is checked after. */

import { connect, isIP, type Socket } from "node:net";
import { SyncError } from "../errors.ts";
import type { AddressPolicy } from "./address-policy.ts";
import { deniedAddress, guardedLookup } from "./guarded-lookup.ts";

export interface SocketOptions {
  readonly hostname: string;
  readonly port: number;
  readonly policy: AddressPolicy;
  readonly timeoutMs: number;
}

/**
 * Connect; the socket belongs to the caller.
 *
 * @throws {SyncError} `EGRESS_DENIED` or `REMOTE_TIMEOUT`; the socket's own error; the signal's reason.
 */
export function connectGuarded(options: SocketOptions, signal: AbortSignal): Promise<Socket> {
  const { hostname, port, policy, timeoutMs } = options;
  if (signal.aborted) return Promise.reject(signal.reason);
  // Node resolves nothing for a literal, so the look-up never sees one.
  if (isIP(hostname) !== 0 && !policy(hostname, port)) return Promise.reject(deniedAddress(hostname, port));
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ host: hostname, port, lookup: guardedLookup(policy, port) });
  const fail = (error: unknown): void => {
    socket.destroy();
    reject(error);
  };
  const stop = (): void => fail(signal.reason);
  const timer = setTimeout(() => {
    fail(
      new SyncError("REMOTE_TIMEOUT", `Cannot connect to ${hostname} port ${port} within ${timeoutMs} ms`),
    );
  }, timeoutMs);
  signal.addEventListener("abort", stop, { once: true });
  socket.once("error", fail);
  socket.once("connect", () => {
    const peer = socket.remoteAddress;
    // A connection that is gone already has no peer to judge.
    if (peer === undefined) return fail(Object.assign(new Error("closed at once"), { code: "ECONNRESET" }));
    if (!policy(peer, port)) return fail(deniedAddress(peer, port));
    socket.off("error", fail);
    resolve(socket);
  });
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  });
}
