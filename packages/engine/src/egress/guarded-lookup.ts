/** Names become addresses here, and only addresses that the policy allows; all of a name's must be. */

import { lookup as systemLookup, type LookupAddress, type LookupAllOptions } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { SyncError } from "../errors.ts";
import type { AddressPolicy } from "./address-policy.ts";

/** The system's resolver, as Node offers it. */
export type Resolver = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** A look-up for sockets, so that what was checked is what is connected to. */
export function guardedLookup(
  policy: AddressPolicy,
  port: number,
  resolver: Resolver = systemLookup,
): LookupFunction {
  return (hostname, options, callback) => {
    resolver(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const refused = addresses.find((entry) => !policy(entry.address, port));
      const [first] = addresses;
      if (refused !== undefined || first === undefined)
        return callback(deniedAddress(refused?.address ?? hostname, port), []);
      if (options.all === true) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  };
}

/**
 * One address of a host that may be connected to, for whoever connects by other means than our sockets.
 *
 * @throws {SyncError} `EGRESS_DENIED`, or the resolver's error.
 */
export function resolveGuarded(
  hostname: string,
  port: number,
  policy: AddressPolicy,
  resolver?: Resolver,
): Promise<string> {
  // The system resolves literals as well, and in more spellings than are looked for here.
  return new Promise((resolve, reject) => {
    guardedLookup(policy, port, resolver)(hostname, { all: false, family: 0 }, (error, address) => {
      if (error) return reject(error);
      const found = Array.isArray(address) ? address[0]?.address : address;
      if (found === undefined || isIP(found) === 0) return reject(deniedAddress(hostname, port));
      resolve(found);
    });
  });
}

export function deniedAddress(address: string, port: number): SyncError {
  return new SyncError(
    "EGRESS_DENIED",
    `Refused to connect to ${address} port ${port}: the address is not allowed`,
    {
      address,
      port,
    },
  );
}
