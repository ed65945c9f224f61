/** What a credential has to be allowed at a forge, in the forge's own words. Sources: each forge's page on its tokens. */

import type { EndpointRole } from "@gitsync/engine";
import type { CredentialConfig } from "@gitsync/runtime";

type Needs = Readonly<Record<EndpointRole, string>>;

const GITHUB_APP: Needs = {
  source: "the App needs the repository permission Contents: read, and has to be installed there",
  target:
    "the App needs the repository permissions Contents: write, and Workflows: write where workflow files change, and has to be installed there",
};
const KEY: Needs = {
  source: "the key has to be a deploy key of the repository, or one of a user who may read it",
  target: "the key has to be a deploy key with write access, or one of a user who may push",
};
const ANY: Needs = {
  source: "the credential has to be allowed to read the repository",
  target: "the credential has to be allowed to read the repository and to push to it",
};

/** The hosts whose tokens are known; an own server of a forge is known by its name. */
const FORGES: readonly (readonly [host: RegExp, needs: Needs])[] = [
  [
    /^(?:www\.)?github\.com$|^github\./u,
    {
      source: "a fine-grained token needs Contents: read, a classic one repo",
      target:
        "a fine-grained token needs Contents: write, and Workflows: write where workflow files change; a classic one repo and workflow",
    },
  ],
  [
    /^gitlab\./u,
    {
      source: "the token needs read_repository, and the role Reporter or more",
      target: "the token needs write_repository, and the role Maintainer where branches are protected",
    },
  ],
  [
    /^codeberg\.org$|^(?:gitea|forgejo)\./u,
    { source: "the token needs read:repository", target: "the token needs write:repository" },
  ],
  [
    /^bitbucket\./u,
    {
      source: "the token needs to read repositories (read:repository:bitbucket)",
      target: "the token needs to write repositories (write:repository:bitbucket)",
    },
  ],
  [
    /^(?:dev\.azure\.com|.*\.visualstudio\.com)$/u,
    { source: "the token needs Code (read)", target: "the token needs Code (read & write)" },
  ],
];

/** Failures that another permission may end. Servers hide what may not be seen behind 404. */
const OF_ACCESS: ReadonlySet<string> = new Set(["AUTH_REQUIRED", "AUTH_DENIED", "NOT_FOUND"]);

/** One line on what is lacking, if the failure is about that; `host` without a port. */
export function accessNeeds(
  code: string,
  host: string,
  role: EndpointRole,
  type: CredentialConfig["type"] | undefined,
): string | undefined {
  if (!OF_ACCESS.has(code) || (type === undefined && code === "NOT_FOUND")) return undefined;
  if (type === "github-app") return GITHUB_APP[role];
  if (type === "ssh") return KEY[role];
  const [, needs] = FORGES.find(([pattern]) => pattern.test(host)) ?? [undefined, ANY];
  return needs[role];
}
