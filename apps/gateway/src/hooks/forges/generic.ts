/** Whoever can sign a request as Standard Webhooks says: a script, a hook of a bare repository, another program. */

import { headerOf, idOf, memberOf } from "../delivery.ts";
import { kindOf, type Forge } from "../forge.ts";
import { standardHeaders, standardVerdict } from "../standard-webhooks.ts";

const CHANGES = new Set(["push"]);

/** `{ "repository": "ID" }`, with a `type` where not everything is a push; or the same inside of `data`. */
export const generic: Forge = {
  verify: standardVerdict,
  read: (delivery, payload) => {
    const event = idOf(memberOf(payload, "type")) ?? "push";
    return {
      event,
      kind: kindOf(event, CHANGES),
      repositoryId: idOf(memberOf(payload, "repository")) ?? idOf(memberOf(payload, "data", "repository")),
      deliveryId: headerOf(delivery, "webhook-id"),
    };
  },
  sample: ({ repositoryId, deliveryId, secret, at }) => {
    const body = JSON.stringify({ repository: repositoryId });
    return { body, headers: standardHeaders(secret, { id: deliveryId, at, body }) };
  },
};
