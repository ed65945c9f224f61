/** Where to listen, parsed once, and whether that can be reached from another machine. */

import type { Secret } from "@gitsync/runtime";
import { BlockList, isIP } from "node:net";
import { GatewayError } from "./gateway-error.ts";

export interface ListenAddress {
  /** A host name or a bare IP address: `127.0.0.1`, `::1`, `localhost`; empty for every address. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/**
 * `127.0.0.1:8080`, `[::1]:8080`, `localhost:0`, `:8080` for every address.
 *
 * @throws {GatewayError} `LISTEN_INVALID`.
 */
export function parseListenAddress(text: string): ListenAddress {
  const parsed = /^(?:\[(?<ipv6>[0-9a-f:.]+)\]|(?<name>[a-z0-9._-]*)):(?<port>\d{1,5})$/iu.exec(
    text.trim(),
  )?.groups;
  const host = parsed?.["ipv6"] ?? parsed?.["name"];
  const port = Number(parsed?.["port"]);
  if (host === undefined || !(port <= 65_535) || (parsed?.["ipv6"] !== undefined && isIP(host) !== 6)) {
    throw new GatewayError("LISTEN_INVALID", `Cannot listen on ${JSON.stringify(text.slice(0, 100))}`);
  }
  return { host, port };
}

/** Whether only this machine can reach a host name or address. No look-up: `localhost` is taken by its name. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/gu, "").toLowerCase();
  if (bare === "localhost") return true;
  const version = isIP(bare);
  return version !== 0 && LOOPBACK.check(bare, version === 4 ? "ipv4" : "ipv6");
}

/**
 * Check that whoever can reach an address needs a token.
 *
 * @throws {GatewayError} `LISTEN_NEEDS_TOKEN`.
 */
export function requireTokenBeyondLoopback({ host }: ListenAddress, token: Secret | undefined): void {
  if (token !== undefined || isLoopback(host)) return;
  const shown = host === "" ? "every address" : host;
  throw new GatewayError("LISTEN_NEEDS_TOKEN", `Cannot listen on ${shown} without an API token`, { host });
}

/** The host part of a `Host` header: `localhost` of `localhost:8080`, `::1` of `[::1]:8080`. */
export function hostOfHeader(header: string): string {
  return (
    /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/u
      .exec(header.trim())
      ?.slice(1)
      .find((part) => part !== undefined) ?? ""
  );
}
