/** Azure DevOps, whose service hooks sign nothing: the secret is the password of their basic authentication. */

import { headerOf, idOf, memberOf, type Delivery } from "../delivery.ts";
import { kindOf, type Forge } from "../forge.ts";
import { sharedSecretVerdict } from "../signature.ts";

const CHANGES = new Set(["git.push", "git.repo.renamed", "git.repo.statuschanged"]);

export const azure: Forge = {
  verify: (delivery, secrets) => sharedSecretVerdict(passwordOf(delivery), secrets),
  read: (_delivery, payload) => {
    const event = idOf(memberOf(payload, "eventType")) ?? "git.push";
    return {
      event,
      kind: kindOf(event, CHANGES),
      repositoryId: idOf(memberOf(payload, "resource", "repository", "id")),
      deliveryId: idOf(memberOf(payload, "id")),
    };
  },
  sample: ({ repositoryId, deliveryId, secret }) => ({
    body: JSON.stringify({
      id: deliveryId,
      eventType: "git.push",
      resource: { repository: { id: repositoryId } },
    }),
    headers: { authorization: `Basic ${Buffer.from(`git-sync:${secret.expose()}`).toString("base64")}` },
  }),
};

/** Whatever the user is called. */
function passwordOf(delivery: Delivery): string | undefined {
  const encoded = /^basic +([a-z0-9+/=]+) *$/iu.exec(headerOf(delivery, "authorization") ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const pair = Buffer.from(encoded, "base64").toString("utf8");
  return pair.includes(":") ? pair.slice(pair.indexOf(":") + 1) : undefined;
}
