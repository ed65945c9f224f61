/** What becomes of credentials over HTTP: checked when they are given, sent as one header, and kept out of errors. */

import type { EndpointAuth, EndpointRole } from "../../auth.ts";
import { SyncError } from "../../errors.ts";

/** A token with a line end, as read from a file, would fail as a header and look like a lost connection. */
export function checkedAuth(auth: EndpointAuth, role: EndpointRole): EndpointAuth {
  if (auth.bearerToken === undefined || /^[!-~]+$/u.test(auth.bearerToken)) return auth;
  throw new SyncError(
    "AUTH_PROVIDER_FAILED",
    `The bearer token for the ${role} is empty or holds a space, a line end or another character that a header cannot hold`,
    { role },
  );
}

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
