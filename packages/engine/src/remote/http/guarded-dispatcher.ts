/**
 * Every HTTP connection of the engine is made here: literal addresses, resolved addresses and the connected
 * peer are all checked, so that neither a redirect, nor DNS, nor a literal leads where the operator forbade.
 */

import { lookup as resolveName } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { Agent, buildConnector, type Dispatcher } from "undici";
import { SyncError } from "../../errors.ts";
import type { EgressPolicy, ResolvedLimits } from "../../options.ts";
import { addressPolicy, type AddressPolicy } from "./address-policy.ts";

/** Connections of one client: kept alive for listings, fresh for each push. */
export interface GuardedDispatchers {
  /** For requests that may reuse a connection. */
  readonly shared: (skipTlsVerify: boolean) => Dispatcher;
  /** For a push: a connection that nobody else has, as intermediaries cut idle ones without a word. */
  readonly fresh: (skipTlsVerify: boolean) => Dispatcher;
  close(): Promise<void>;
}

export function guardedDispatchers(egress: EgressPolicy, limits: ResolvedLimits): GuardedDispatchers {
  const policy = addressPolicy(egress);
  const agents = new Map<string, Agent>();
  const agent = (skipTlsVerify: boolean, keepAlive: boolean): Agent => {
    const key = `${skipTlsVerify} ${keepAlive}`;
    const existing = agents.get(key);
    if (existing) return existing;
    const made = new Agent({
      connect: guardedConnector(policy, egress, limits, skipTlsVerify),
      pipelining: keepAlive ? 1 : 0,
      keepAliveTimeout: 4_000,
      maxHeaderSize: 16_384,
      allowH2: false,
    });
    agents.set(key, made);
    return made;
  };
  return {
    shared: (skipTlsVerify) => agent(skipTlsVerify, true),
    fresh: (skipTlsVerify) => agent(skipTlsVerify, false),
    close: async () => {
      await Promise.all([...agents.values()].map((each) => each.destroy()));
    },
  };
}

function guardedConnector(
  policy: AddressPolicy,
  egress: EgressPolicy,
  limits: ResolvedLimits,
  skipTlsVerify: boolean,
): buildConnector.connector {
  return (options, callback) => {
    const port = Number(options.port || (options.protocol === "https:" ? 443 : 80));
    const host = options.hostname.replace(/^\[|\]$/gu, "");
    // Node resolves nothing for a literal, so the look-up below never sees one.
    if (isIP(host) !== 0 && !policy(host, port)) return callback(denied(host, port), null);
    const connect = buildConnector({
      // Fresh connections for pushes, early answers and request bodies of unknown length: all as git does them.
      allowH2: false,
      lookup: guardedLookup(policy, port),
      timeout: limits.connectTimeoutMs,
      rejectUnauthorized: !skipTlsVerify,
      ...(egress.ca === undefined ? {} : { ca: egress.ca }),
    });
    connect(options, (error, socket) => {
      // A failed attempt comes without a socket, whatever the type says.
      if (error || !socket) return callback(error ?? new Error("no connection"), null);
      const peer = socket.remoteAddress;
      if (peer !== undefined && policy(peer, port)) return callback(null, socket);
      socket.destroy();
      // A connection that is gone already has no peer to judge.
      callback(
        peer === undefined ? new Error("the connection was closed at once") : denied(peer, port),
        null,
      );
    });
  };
}

/** Resolves a name and lets the connection happen only if every one of its addresses is allowed. */
function guardedLookup(policy: AddressPolicy, port: number): LookupFunction {
  return (hostname, options, callback) => {
    resolveName(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const refused = addresses.find((entry) => !policy(entry.address, port));
      const [first] = addresses;
      if (refused !== undefined || first === undefined)
        return callback(denied(refused?.address ?? hostname, port), []);
      if (options.all === true) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  };
}

function denied(address: string, port: number): SyncError {
  return new SyncError(
    "EGRESS_DENIED",
    `Refused to connect to ${address} port ${port}: the address is not allowed`,
    {
      address,
      port,
    },
  );
}
