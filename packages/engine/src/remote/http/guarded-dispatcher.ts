/**
 * Every HTTP connection of the engine is made here: literal addresses, resolved addresses and the connected
 * peer are all checked, so that neither a redirect, nor DNS, nor a literal leads where the operator forbade.
 */

import { isIP, type Socket } from "node:net";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { Agent, buildConnector, type Dispatcher } from "undici";
import type { EndpointAuth } from "../../auth.ts";
import type { AddressPolicy } from "../../egress/address-policy.ts";
import { deniedAddress, guardedLookup } from "../../egress/guarded-lookup.ts";
import type { EgressPolicy, ProxySettings, ResolvedLimits } from "../../options.ts";
import { freeingHandedOver } from "./hand-over.ts";
import { hearingLastWords } from "./last-words.ts";
import { SlabReader } from "./slab-reader.ts";
import { TlsSessions } from "./tls-sessions.ts";
import { bypassesProxy, openTunnel } from "./tunnel.ts";

/** How we and a server prove to each other who we are. */
export type TlsChoice = Pick<EndpointAuth, "skipTlsVerify" | "clientCertificate">;

/** Connections of one client: kept alive for listings, fresh for each push. */
export interface GuardedDispatchers {
  /** For requests that may reuse a connection. */
  readonly shared: (tls: TlsChoice) => Dispatcher;
  /** For a push: a connection that nobody else has, as intermediaries cut idle ones without a word. */
  readonly fresh: (tls: TlsChoice) => Dispatcher;
  close(): Promise<void>;
}

export function guardedDispatchers(
  egress: EgressPolicy,
  policy: AddressPolicy,
  limits: ResolvedLimits,
): GuardedDispatchers {
  const agents = new Map<string, Agent>();
  const agent = (tls: TlsChoice, keepAlive: boolean): Agent => {
    const { skipTlsVerify = false, clientCertificate } = tls;
    const key = [skipTlsVerify, keepAlive, clientCertificate?.certificate, clientCertificate?.key].join("\n");
    const existing = agents.get(key);
    if (existing) return existing;
    const made = new Agent({
      connect: guardedConnector(egress, policy, limits, tls),
      pipelining: keepAlive ? 1 : 0,
      keepAliveTimeout: 4_000,
      maxHeaderSize: 16_384,
      allowH2: false,
    });
    agents.set(key, made);
    return made;
  };
  return {
    shared: (tls) => agent(tls, true),
    fresh: (tls) => agent(tls, false),
    close: async () => {
      await Promise.all([...agents.values()].map((each) => each.destroy()));
    },
  };
}

function guardedConnector(
  egress: EgressPolicy,
  policy: AddressPolicy,
  limits: ResolvedLimits,
  tls: TlsChoice,
): buildConnector.connector {
  const secureContext = contextOf(egress, tls);
  const sessions = new TlsSessions();
  /** Connect, through `tunnel` if there is one. */
  const connectTo = (
    options: buildConnector.Options,
    port: number,
    callback: buildConnector.Callback,
    tunnel?: Socket,
  ): void => {
    const host = `${options.hostname}:${port}`;
    const reader = new SlabReader();
    const session = sessions.of(host);
    const connect = buildConnector({
      // Fresh connections for pushes, early answers and request bodies of unknown length: all as git does them.
      allowH2: false,
      lookup: guardedLookup(policy, port),
      timeout: limits.connectTimeoutMs,
      // Never left to the environment.
      rejectUnauthorized: tls.skipTlsVerify !== true,
      ...(secureContext === undefined ? {} : { secureContext }),
      ...(session === undefined ? {} : { session }),
      // Node reads what comes through another stream by itself.
      ...(tunnel === undefined ? { onread: reader.onread } : {}),
    });
    connect({ ...options, ...(tunnel === undefined ? {} : { httpSocket: tunnel }) }, (error, socket) => {
      // A failed attempt comes without a socket, whatever the type says.
      if (error || !socket) return callback(error ?? new Error("no connection"), null);
      reader.attach(socket);
      sessions.keep(host, socket);
      callback(null, socket);
    });
  };
  const judge = egress.addresses === "any" ? undefined : policy;
  const connectThrough = async (
    proxy: ProxySettings,
    options: buildConnector.Options,
    port: number,
    callback: buildConnector.Callback,
  ): Promise<void> => {
    let socket: Socket;
    try {
      socket = await openTunnel(proxy, { hostname: options.hostname, port }, judge, limits.connectTimeoutMs);
    } catch (error) {
      return callback(error instanceof Error ? error : new Error(String(error)), null);
    }
    if (options.protocol !== "https:") return callback(null, prepared(socket));
    const secured: buildConnector.Callback = (error, made) =>
      error ? callback(error, null) : callback(null, prepared(made));
    connectTo(options, port, secured, socket);
  };
  return (options, callback) => {
    const port = Number(options.port || (options.protocol === "https:" ? 443 : 80));
    const hostname = options.hostname.replace(/^\[|\]$/gu, "");
    const { proxy } = egress;
    if (proxy !== undefined && !bypassesProxy(hostname, proxy.bypass ?? [])) {
      void connectThrough(proxy, { ...options, hostname }, port, callback);
      return;
    }
    // Node resolves nothing for a literal, so the look-up never sees one.
    if (isIP(hostname) !== 0 && !policy(hostname, port)) return callback(deniedAddress(hostname, port), null);
    connectTo(options, port, (error, socket) => {
      if (error) return callback(error, null);
      const peer = socket.remoteAddress;
      if (peer !== undefined && policy(peer, port)) return callback(null, prepared(socket));
      socket.destroy();
      // A connection that is gone already has no peer to judge.
      callback(
        peer === undefined ? new Error("the connection was closed at once") : deniedAddress(peer, port),
        null,
      );
    });
  };
}

/** What every connection does beyond what Node's do. */
function prepared(socket: Socket): Socket {
  return freeingHandedOver(hearingLastWords(socket));
}

/** Authorities besides the usual ones, and a certificate of our own; none when neither is given. */
function contextOf({ ca }: EgressPolicy, { clientCertificate }: TlsChoice): SecureContext | undefined {
  if (ca === undefined && clientCertificate === undefined) return undefined;
  return createSecureContext({
    // Named alone they would replace the usual ones.
    ...(ca === undefined ? {} : { ca: [...getCACertificates("default"), ca] }),
    ...(clientCertificate === undefined
      ? {}
      : { cert: clientCertificate.certificate, key: clientCertificate.key }),
  });
}
