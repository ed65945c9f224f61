/** Bitbucket Cloud, and Bitbucket Data Center, which was called Server: `X-Hub-Signature` over the raw body. */

import { headerOf, idOf, memberOf } from "../delivery.ts";
import { kindOf, type Forge } from "../forge.ts";
import { hexHmac, prefixedHmacVerdict } from "../signature.ts";

const CHANGES = new Set([
  "repo:push",
  "repo:updated",
  "repo:refs_changed",
  "repo:modified",
  "mirror:repo_synchronized",
]);
const PINGS = new Set(["diagnostics:ping"]);

/** Repositories of the cloud are known by a UUID in braces. */
export const bitbucket: Forge = forgeOf("uuid", "x-request-uuid");
export const bitbucketServer: Forge = forgeOf("id", "x-request-id");

function forgeOf(id: "uuid" | "id", deliveryHeader: string): Forge {
  return {
    verify: (delivery, secrets) =>
      prefixedHmacVerdict(headerOf(delivery, "x-hub-signature"), delivery.body, secrets),
    read: (delivery, payload) => {
      const event = headerOf(delivery, "x-event-key") ?? "repo:push";
      return {
        event,
        kind: kindOf(event, CHANGES, PINGS),
        repositoryId: idOf(memberOf(payload, "repository", id)),
        deliveryId: headerOf(delivery, deliveryHeader),
      };
    },
    sample: ({ repositoryId, deliveryId, secret }) => {
      const body = JSON.stringify({ repository: { [id]: repositoryId } });
      return {
        body,
        headers: {
          "x-event-key": id === "uuid" ? "repo:push" : "repo:refs_changed",
          [deliveryHeader]: deliveryId,
          "x-hub-signature": `sha256=${hexHmac(secret, body)}`,
        },
      };
    },
  };
}
