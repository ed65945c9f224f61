/** Which network addresses may be connected to. Pure; the connector asks for every address of every connection. */

import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";
import type { EgressPolicy } from "../options.ts";

/**
 * Networks that are not public unicast: the special-purpose registries of IANA (RFC 6890 and its updates),
 * plus addresses that translate into them.
 */
const SPECIAL_V4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "168.63.129.16/32",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "192.175.48.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];
/** Public unicast IPv6 is 2000::/3; these parts of it are not. Everything outside it is refused. */
const SPECIAL_V6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

/** Answers whether an address and port may be connected to. */
export type AddressPolicy = (address: string, port: number) => boolean;

/**
 * The policy of an egress configuration.
 *
 * @throws {TypeError} when a CIDR of the operator's allow-list is not one.
 */
export function addressPolicy(egress: EgressPolicy): AddressPolicy {
  if (egress.addresses === "any") return () => true;
  const special = blockListOf([...SPECIAL_V4, ...SPECIAL_V6]);
  const unicast6 = blockListOf(["2000::/3"]);
  const allowed = (egress.allow ?? []).map((entry) => ({
    list: blockListOf([entry.cidr]),
    ports: entry.ports,
  }));
  return (text, port) => {
    const address = plainAddress(text);
    const family = isIPv4(address) ? "ipv4" : "ipv6";
    if (isIP(address) === 0) return false;
    const isAllowed = allowed.some(
      (entry) =>
        entry.list.check(address, family) && (entry.ports === undefined || entry.ports.includes(port)),
    );
    if (isAllowed) return true;
    return family === "ipv4"
      ? !special.check(address, family)
      : unicast6.check(address, family) && !special.check(address, family);
  };
}

/** Without brackets and zone; an IPv4 address in IPv6 clothes is judged as the IPv4 address it is. */
function plainAddress(text: string): string {
  const bare = text.replace(/^\[|\]$/gu, "").replace(/%.*$/u, "");
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/iu.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/iu.exec(bare);
  if (hex === null) return bare;
  const [high, low] = [Number.parseInt(hex[1] ?? "0", 16), Number.parseInt(hex[2] ?? "0", 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

function blockListOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = "", prefix, ...more] = cidr.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    const most = family === "ipv6" ? 128 : 32;
    const bits = prefix === undefined ? most : /^\d{1,3}$/u.test(prefix) ? Number(prefix) : Number.NaN;
    // An empty or misspelled length must not become /0, which is everywhere.
    if (isIP(address) === 0 || !(bits <= most) || more.length > 0)
      throw new TypeError(`Not a network in CIDR form: ${cidr}`);
    list.addSubnet(address, bits, family);
  }
  return list;
}
