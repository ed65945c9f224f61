/** Every forge that may deliver, by its name in the path. */

import { randomUUID } from "node:crypto";
import type { Secret, WebhookProvider } from "@gitsync/runtime";
import type { Forge, SampleDelivery } from "./forge.ts";
import { azure } from "./forges/azure.ts";
import { bitbucket, bitbucketServer } from "./forges/bitbucket.ts";
import { generic } from "./forges/generic.ts";
import { forgejo, gitea, gogs } from "./forges/gitea.ts";
import { github } from "./forges/github.ts";
import { gitlab } from "./forges/gitlab.ts";

const FORGES: ReadonlyMap<string, readonly [WebhookProvider, Forge]> = new Map(
  Object.entries({
    github,
    gitlab,
    gitea,
    forgejo,
    gogs,
    bitbucket,
    "bitbucket-server": bitbucketServer,
    azure,
    generic,
  } satisfies Record<WebhookProvider, Forge>).map(([name, forge]) => [
    name,
    [name as WebhookProvider, forge],
  ]),
);

/** The forge that a path names; `undefined` for none. */
export function findForge(name: string): readonly [WebhookProvider, Forge] | undefined {
  return FORGES.get(name);
}

/** A push of a repository as a forge would deliver it now, signed: for trying an address out. */
export function sampleDelivery(
  provider: WebhookProvider,
  repositoryId: string,
  secret: Secret,
): SampleDelivery {
  const [, forge] = FORGES.get(provider) ?? [];
  if (forge === undefined) throw new TypeError(`No forge is called ${provider}`);
  const sample = forge.sample({ repositoryId, deliveryId: `test-${randomUUID()}`, secret, at: Date.now() });
  return { ...sample, headers: { "content-type": "application/json", ...sample.headers } };
}
