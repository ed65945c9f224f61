/** Gitea, Forgejo and Gogs, which differ in the names of their headers only. */

import { headerOf, idOf, isForm, memberOf, payloadText, type Delivery } from "../delivery.ts";
import { kindOf, type Forge } from "../forge.ts";
import { hexHmac, hexHmacVerdict } from "../signature.ts";

/** The deletion of a branch is sent as `delete` alone. */
const CHANGES = new Set(["push", "create", "delete", "repository"]);

/** Forgejo sends Gitea's headers besides its own, and both send those of Gogs. */
export const gitea: Forge = forgeOf(["gitea"]);
export const forgejo: Forge = forgeOf(["forgejo", "gitea"]);
export const gogs: Forge = forgeOf(["gogs"]);

function forgeOf(names: readonly [string, ...string[]]): Forge {
  const header = (delivery: Delivery, what: string): string | undefined =>
    names.map((name) => headerOf(delivery, `x-${name}-${what}`)).find((value) => value !== undefined);
  return {
    verify: (delivery, secrets) =>
      // A form is signed by the bare JSON in it, not by the body that carries it.
      hexHmacVerdict(
        header(delivery, "signature"),
        isForm(delivery) ? payloadText(delivery) : delivery.body,
        secrets,
      ),
    read: (delivery, payload) => {
      const event = header(delivery, "event") ?? "push";
      return {
        event,
        kind: kindOf(event, CHANGES),
        repositoryId: idOf(memberOf(payload, "repository", "id")),
        deliveryId: header(delivery, "delivery"),
      };
    },
    sample: ({ repositoryId, deliveryId, secret }) => {
      const body = JSON.stringify({ repository: { id: repositoryId } });
      const [name] = names;
      return {
        body,
        headers: {
          [`x-${name}-event`]: "push",
          [`x-${name}-delivery`]: deliveryId,
          [`x-${name}-signature`]: hexHmac(secret, body),
        },
      };
    },
  };
}
