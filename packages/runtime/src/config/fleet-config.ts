/** What the mirrors file settles: the plain values that the rest of the fleet reads. Holds references to secrets, never secrets. */

import type { Interval } from "@gitsync/jobs";

export const EGRESS_SCHEMES = ["https", "http", "ssh", "git", "file"] as const;
export type EgressScheme = (typeof EGRESS_SCHEMES)[number];

/** A network that may be reached although its addresses are not public. */
export interface AllowedNetwork {
  /** `10.0.0.0/8`, `fd00::/8`. */
  readonly cidr: string;
  /** Only these ports; `undefined` means every port. */
  readonly ports: readonly number[] | undefined;
}

/** Where worker and gateway may connect to. Public addresses need no permission, everything else does. */
export interface EgressConfig {
  readonly allow: readonly AllowedNetwork[];
  readonly schemes: readonly EgressScheme[];
  /** Absolute folders below which local repositories may be read and written. */
  readonly paths: readonly string[];
  /** URL of an HTTP proxy that every connection over HTTP goes through; `null` for none. The environment's is never used. */
  readonly proxy: string | null;
  /** PEM file of certificate authorities that are trusted besides the built-in ones. */
  readonly caFile: string | null;
}

/** Where a secret is kept. Read when it is needed, and again when it changed. */
export type SecretReference =
  | { readonly type: "env"; readonly name: string }
  | { readonly type: "file"; readonly path: string }
  /** A program and its arguments, run without a shell; what it prints is the secret, without one newline at its end. */
  | { readonly type: "command"; readonly argv: readonly [string, ...string[]] };

interface CredentialBase {
  readonly id: string;
  /** `https://example.com`, `ssh://git@backup.example.com`: the only places this credential is ever shown to. */
  readonly origins: readonly [string, ...string[]];
}

/** User name and password or token, for HTTP. */
export interface BasicCredential extends CredentialBase {
  readonly type: "basic";
  /** Default: `git`. */
  readonly username: string;
  readonly token: SecretReference;
}

/** An installation of a GitHub App: tokens of an hour, asked for as they are needed. */
export interface GithubAppCredential extends CredentialBase {
  readonly type: "github-app";
  readonly appId: number;
  readonly installationId: number;
  readonly privateKey: SecretReference;
  /** Where tokens are asked for. Default: `https://api.github.com`, or `/api/v3` of the origin for other hosts. */
  readonly apiUrl: string;
}

/** A key pair, and the host keys that are believed. */
export interface SshCredential extends CredentialBase {
  readonly type: "ssh";
  readonly privateKey: SecretReference;
  readonly knownHosts: SecretReference;
}

export type CredentialConfig = BasicCredential | GithubAppCredential | SshCredential;

/** Limits of a host, in either role. `undefined`: the built-in one. */
export interface HostLimits {
  /** Runs that read from it or write to it at the same time, fleet-wide. */
  readonly maxConcurrent: number | undefined;
  /** receive-pack requests per minute and target repository. */
  readonly pushesPerMinute: number | undefined;
}

/** How many deletions a run may make before it is blocked: both have to be exceeded. */
export interface DeletionLimit {
  readonly count: number;
  readonly percent: number;
}

/** What `defaults:` settles for every mirror, and a mirror or a target for itself. */
export interface RouteRules {
  readonly every: Interval;
  readonly mode: "sync" | "replicate";
  /** Refspec patterns; `^pattern` takes refs out again. */
  readonly refs: readonly [string, ...string[]];
  readonly prune: boolean;
  readonly maxDeletes: DeletionLimit;
  readonly verify: "report" | "list";
  readonly destructive: "allow" | "archive" | "block";
  /** Milliseconds' worth of days that archived refs are kept. */
  readonly keepArchivesDays: number;
}

/** Who is told when a route's state changes. */
export interface NotifyConfig {
  readonly webhook: { readonly url: string; readonly secret: SecretReference } | null;
  /** A summary of what stays failing. */
  readonly digest: "daily" | "never";
  /** URL that is asked every minute while the fleet works, so that its silence is noticed elsewhere. */
  readonly heartbeat: string | null;
}

/** Forges that deliver webhooks, by the name in the gateway's paths. */
export const WEBHOOK_PROVIDERS = [
  "github",
  "gitlab",
  "gitea",
  "forgejo",
  "gogs",
  "bitbucket",
  "bitbucket-server",
  "azure",
  "generic",
] as const;
export type WebhookProvider = (typeof WEBHOOK_PROVIDERS)[number];

/** Secrets that a delivery may be signed with; several while one is rotated. */
export interface WebhookConfig {
  readonly secrets: readonly [SecretReference, ...SecretReference[]];
}

/** One side of a route. */
export interface EndpointConfig {
  readonly url: string;
  /** Name of an entry in `credentials`; `undefined` for anonymous access. */
  readonly credential: string | undefined;
  readonly followInfoRefsRedirect: boolean;
}

/** The repository that a mirror copies. */
export interface SourceConfig extends EndpointConfig {
  /** The forge's own id of the repository, which its webhooks name. */
  readonly repositoryId: string | undefined;
}

/** A repository that a mirror writes. */
export interface TargetConfig extends EndpointConfig {
  /** Unique in its mirror; the route's id is `mirror/target`. */
  readonly id: string;
  readonly rules: RouteRules;
}

/** One source and its targets. */
export interface MirrorConfig {
  readonly id: string;
  /** Whose work it is, for fairness. Default: the mirror's id. */
  readonly tenant: string;
  /** May its badge be seen without a token? */
  readonly public: boolean;
  readonly source: SourceConfig;
  readonly targets: readonly [TargetConfig, ...TargetConfig[]];
  readonly webhook: (WebhookConfig & { readonly provider: WebhookProvider }) | undefined;
}

/** A whole mirrors file, its includes in it. */
export interface FleetConfig {
  readonly egress: EgressConfig;
  readonly credentials: ReadonlyMap<string, CredentialConfig>;
  /** By host name, in lower case, with the port where it is not the scheme's own. */
  readonly hosts: ReadonlyMap<string, HostLimits>;
  readonly notify: NotifyConfig;
  /** One endpoint per forge. */
  readonly webhooks: ReadonlyMap<WebhookProvider, WebhookConfig>;
  /** May the API start syncs of endpoints that are not in the file? */
  readonly adhoc: boolean;
  /** Where a run's trace is shown; holds `{traceId}`. */
  readonly traceUrlTemplate: string | null;
  /** In order of their ids. */
  readonly mirrors: readonly MirrorConfig[];
  /** The same for two processes that act alike: a digest of everything above, secrets' values left out. */
  readonly hash: string;
}

/** What is in force where a file says nothing. */
export const DEFAULT_ROUTE_RULES: RouteRules = Object.freeze({
  every: 15 * 60_000,
  mode: "replicate",
  refs: Object.freeze(["refs/heads/*", "refs/tags/*"] as const),
  prune: false,
  maxDeletes: Object.freeze({ count: 10, percent: 5 }),
  verify: "list",
  destructive: "allow",
  keepArchivesDays: 90,
});

/** Without a file: public addresses over https and ssh, no local paths, no ad-hoc syncs through the API, no mirrors. */
export const DEFAULT_FLEET_CONFIG: FleetConfig = Object.freeze({
  egress: Object.freeze({
    allow: [],
    schemes: ["https", "ssh"] satisfies EgressScheme[],
    paths: [],
    proxy: null,
    caFile: null,
  }),
  credentials: new Map(),
  hosts: new Map(),
  notify: Object.freeze({ webhook: null, digest: "never", heartbeat: null }),
  webhooks: new Map(),
  adhoc: false,
  traceUrlTemplate: null,
  mirrors: [],
  hash: "none",
});
