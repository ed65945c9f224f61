/** Where a credential may be shown. Asked when a file is loaded, and again each time before a secret is read. */

import { parseAddress, parseOrigin } from "./address.ts";
import type { CredentialConfig } from "./fleet-config.ts";

/** Whether the address lies at one of the origins that the credential names. */
export function credentialFits({ origins }: CredentialConfig, url: string): boolean {
  const address = parseAddress(url);
  if (typeof address === "string" || address.origin === "") return false;
  return origins.some((text) => {
    const parsed = parseOrigin(text);
    return typeof parsed !== "string" && parsed.origin === address.origin;
  });
}
