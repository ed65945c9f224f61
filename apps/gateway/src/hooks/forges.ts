/** Every forge that may deliver, by its name in the path. */

import type { WebhookProvider } from "@gitsync/runtime";
import type { Forge } from "./forge.ts";
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
