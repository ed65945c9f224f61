/** What big hosts are known to demand of a push. Facts of their documentation; a push still decides. */

export interface HostDemands {
  /** The largest pack that one push may carry. */
  readonly maxPackBytes?: number;
  /** A push must say its length. */
  readonly needsLength?: boolean;
}

const GB = 1_000_000_000;

const HOSTS: readonly (readonly [RegExp, HostDemands])[] = [
  // docs.github.com, "Repository limits": 2 GB for one push.
  [/^github\.com$/u, { maxPackBytes: 2 * GB }],
  // bitbucket.org/blog, "Git push size limits": 3.5 GB.
  [/^bitbucket\.org$/u, { maxPackBytes: 3.5 * GB }],
  // learn.microsoft.com, Azure Repos, "Git limits": 5 GB for one push.
  [/^(?:dev\.azure\.com|[a-z0-9-]+\.visualstudio\.com)$/u, { maxPackBytes: 5 * GB }],
  // CodeCommit answers a chunked push with 411.
  [/^git-codecommit(?:-fips)?\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?$/u, { needsLength: true }],
];

/** The demands of the host in an address as it is shown; none when it is not known. */
export function demandsOf(label: string): HostDemands {
  const host = /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:[^@/]*@)?([^/:]+)/iu.exec(label)?.[1]?.toLowerCase() ?? "";
  return HOSTS.find(([pattern]) => pattern.test(host))?.[1] ?? {};
}
