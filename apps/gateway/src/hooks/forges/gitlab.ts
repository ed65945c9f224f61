/** GitLab: a signing token (Standard Webhooks), or the older secret token that is sent as it is. */

import { headerOf, idOf, memberOf, type Delivery } from "../delivery.ts";
import { kindOf, type Forge } from "../forge.ts";
import { sharedSecretVerdict } from "../signature.ts";
import { hasStandardSignature, standardVerdict } from "../standard-webhooks.ts";

/** Of hooks by their header, of system hooks by `event_name`. */
const CHANGES = new Set([
  "Push Hook",
  "Tag Push Hook",
  "push",
  "tag_push",
  "repository_update",
  "project_rename",
  "project_transfer",
  "project_update",
]);
const SYSTEM = "System Hook";

export const gitlab: Forge = {
  verify: (delivery, secrets) =>
    hasStandardSignature(delivery)
      ? standardVerdict(delivery, secrets)
      : sharedSecretVerdict(headerOf(delivery, "x-gitlab-token"), secrets),
  read: (delivery, payload) => {
    const event = eventOf(delivery, payload);
    return {
      event,
      kind: kindOf(event, CHANGES),
      repositoryId: idOf(memberOf(payload, "project", "id")) ?? idOf(memberOf(payload, "project_id")),
      deliveryId: headerOf(delivery, "webhook-id") ?? headerOf(delivery, "x-gitlab-event-uuid"),
    };
  },
  sample: ({ repositoryId, deliveryId, secret }) => ({
    body: JSON.stringify({ project: { id: repositoryId } }),
    headers: {
      "x-gitlab-event": "Push Hook",
      "x-gitlab-event-uuid": deliveryId,
      "x-gitlab-token": secret.expose(),
    },
  }),
};

function eventOf(delivery: Delivery, payload: unknown): string {
  const header = headerOf(delivery, "x-gitlab-event");
  if (header !== undefined && header !== SYSTEM) return header;
  return idOf(memberOf(payload, "event_name")) ?? header ?? "push";
}
