/** A connection through an HTTP proxy: CONNECT, RFC 9110 §9.3.6. What is checked is where the tunnel leads. */

import { isIP } from "node:net";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Client } from "undici";
import type { AddressPolicy } from "../../egress/address-policy.ts";
import { deniedAddress, resolveGuarded } from "../../egress/guarded-lookup.ts";
import { SyncError } from "../../errors.ts";
import { bracketed } from "../../location/location.ts";
import type { ProxySettings } from "../../options.ts";

export interface TunnelTarget {
  /** Without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/** Whether connections to a host go around the proxy: an entry names it, a domain above it, or is `*`. */
export function bypassesProxy(hostname: string, bypass: readonly string[]): boolean {
  const host = hostname.toLowerCase();
  return bypass.some((entry) => {
    const name = entry
      .trim()
      .toLowerCase()
      .replace(/^\*?\./u, "");
    return entry.trim() === "*" || (name !== "" && (host === name || host.endsWith(`.${name}`)));
  });
}

/**
 * Have the proxy connect. Under a policy the name is looked up and judged here, and the proxy is given the address,
 * so that it cannot lead elsewhere.
 *
 * @throws {SyncError} `EGRESS_DENIED`, or `PROXY_REFUSED`; or what the connection to the proxy threw.
 */
export async function openTunnel(
  proxy: ProxySettings,
  target: TunnelTarget,
  policy: AddressPolicy | undefined,
  timeoutMs: number,
): Promise<Socket> {
  const { hostname, port } = target;
  const address = await checkedAddress(target, policy);
  const { origin } = new URL(proxy.url);
  const client = new Client(origin, { connect: { timeout: timeoutMs }, pipelining: 0 });
  try {
    const { statusCode, socket } = await client.connect({
      path: `${bracketed(address)}:${port}`,
      headers: {
        host: `${bracketed(hostname)}:${port}`,
        ...(proxy.token === undefined
          ? {}
          : { "proxy-authorization": basic(proxy.username ?? "", proxy.token) }),
      },
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (statusCode !== 200) {
      socket.destroy();
      throw new SyncError(
        "PROXY_REFUSED",
        `The proxy ${origin} answered ${statusCode} when asked to connect to ${hostname} port ${port}`,
        { proxy: origin, status: statusCode },
      );
    }
    return asSocket(socket);
  } finally {
    // The tunnel is no longer the client's; nothing else was sent through it.
    void client.close();
  }
}

async function checkedAddress(
  { hostname, port }: TunnelTarget,
  policy: AddressPolicy | undefined,
): Promise<string> {
  if (policy === undefined) return hostname;
  if (isIP(hostname) === 0) return resolveGuarded(hostname, port, policy);
  if (!policy(hostname, port)) throw deniedAddress(hostname, port);
  return hostname;
}

/** The type says only that it is a stream; after CONNECT it is the connection to the proxy. */
function asSocket(stream: Duplex): Socket {
  return stream as Socket;
}

function basic(username: string, token: string): string {
  return `Basic ${Buffer.from(`${username}:${token}`).toString("base64")}`;
}
