/** What people are told, and the request that tells them. Pure. */

import { createHmac } from "node:crypto";
import type { RouteCondition, RouteError } from "@gitsync/jobs";
import type { Secret } from "@gitsync/runtime";

/** A route as it is told of. Times are ISO 8601. */
export interface ToldRoute {
  readonly route: string;
  readonly state: RouteCondition;
  readonly since?: string;
  readonly failuresInARow: number;
  readonly lastSuccessAt?: string;
  readonly error?: RouteError;
}

/**
 * `route.failing`, `route.degraded`, `route.unknown`, `route.ok`: a route came into this state.
 * `fleet.digest`: what is not fine, once a day as long as something is not.
 */
export type Notification =
  | {
      readonly type: `route.${RouteCondition}`;
      readonly timestamp: string;
      readonly data: ToldRoute & { readonly before: RouteCondition };
    }
  | {
      readonly type: "fleet.digest";
      readonly timestamp: string;
      readonly data: { readonly routes: readonly ToldRoute[]; readonly total: number };
    };

/** A secret that begins so is base64 of the key; any other is the key itself. */
const ENCODED_KEY = "whsec_";

/**
 * The headers of a body, signed as the Standard Webhooks specification says: HMAC-SHA-256 over
 * `id.timestamp.body`, the time in seconds.
 */
export function signedHeaders(
  body: string,
  { id, seconds, secret }: { readonly id: string; readonly seconds: number; readonly secret: Secret },
): Readonly<Record<string, string>> {
  const text = secret.expose();
  const key = text.startsWith(ENCODED_KEY) ? Buffer.from(text.slice(ENCODED_KEY.length), "base64") : text;
  const signature = createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64");
  return {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(seconds),
    "webhook-signature": `v1,${signature}`,
  };
}
