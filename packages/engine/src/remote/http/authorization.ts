/** What becomes of credentials over HTTP: sent as one header, and kept out of errors. */

import type { EndpointAuth } from "../../auth.ts";

/** A server that shows the request it refused must not get its secrets into our errors. */
export function withoutSecrets(text: string, auth: EndpointAuth): string {
  const header = authorization(auth)["authorization"];
  const secrets = [header?.slice(header.indexOf(" ") + 1), auth.token, auth.bearerToken];
  return secrets.reduce<string>((safe, secret) => (secret ? safe.replaceAll(secret, "***") : safe), text);
}

/** The header that carries them; none when there is nothing to send. */
export function authorization(auth: EndpointAuth): Readonly<Record<string, string>> {
  if (auth.bearerToken !== undefined) return { authorization: `Bearer ${auth.bearerToken}` };
  if (auth.token === undefined) return {};
  return {
    authorization: `Basic ${Buffer.from(`${auth.username ?? "git"}:${auth.token}`).toString("base64")}`,
  };
}
