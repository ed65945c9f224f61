/** GitHub, and GitHub Enterprise Server: `X-Hub-Signature-256` over the raw body, as JSON or as a form. */

import { headerOf, idOf, memberOf } from "../delivery.ts";
import { kindOf, type Forge } from "../forge.ts";
import { hexHmac, prefixedHmacVerdict } from "../signature.ts";

/** `repository` is sent for renames, transfers, archiving and a new default branch. */
const CHANGES = new Set(["push", "create", "delete", "repository"]);

export const github: Forge = {
  verify: (delivery, secrets) =>
    prefixedHmacVerdict(headerOf(delivery, "x-hub-signature-256"), delivery.body, secrets),
  read: (delivery, payload) => {
    const event = headerOf(delivery, "x-github-event") ?? "push";
    return {
      event,
      kind: kindOf(event, CHANGES),
      repositoryId: idOf(memberOf(payload, "repository", "id")),
      deliveryId: headerOf(delivery, "x-github-delivery"),
    };
  },
  sample: ({ repositoryId, deliveryId, secret }) => {
    const body = JSON.stringify({ repository: { id: repositoryId } });
    return {
      body,
      headers: {
        "x-github-event": "push",
        "x-github-delivery": deliveryId,
        "x-hub-signature-256": `sha256=${hexHmac(secret, body)}`,
      },
    };
  },
};
