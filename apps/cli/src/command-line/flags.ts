/**
 * Every flag of the command line, described once: parsing, `--help` and the docs read these constants.
 *
 * A flag means the same wherever it is taken. Words and choices come from the schemas of the requests where those
 * have them, so that the command line, the API and the library cannot drift apart.
 */

import { protocolModeSchema, refScopeSchema, syncPolicySchema } from "@gitsync/engine/schema";
import type { JobState } from "@gitsync/jobs";

/** How a flag takes its value. A `list` may be repeated; a `switch` has none. */
export type FlagKind = "switch" | "text" | "list" | "choice";

export interface Flag {
  readonly kind: FlagKind;
  /** What stands for the value in help. Empty for a switch. */
  readonly value: string;
  readonly description: string;
  readonly short?: string;
  readonly choices?: readonly string[];
  /** Environment variable that is read when the flag is not given. */
  readonly env?: string;
}

const scope = refScopeSchema.properties;
const policy = syncPolicySchema.properties;

const toggle = (description: string, more: { short?: string; env?: string } = {}) =>
  ({ kind: "switch", value: "", description, ...more }) as const;
const text = (value: string, description: string, env?: string) =>
  ({ kind: "text", value, description, ...(env === undefined ? {} : { env }) }) as const;
const list = (value: string, description: string) => ({ kind: "list", value, description }) as const;
const choice = (choices: readonly string[], description: string, env?: string) =>
  ({
    kind: "choice",
    value: choices.join("|"),
    choices,
    description,
    ...(env === undefined ? {} : { env }),
  }) as const;

/** What `jobs list --state` takes. Help has to be there before the package that knows them is loaded. */
const JOB_STATES = [
  "waiting",
  "delayed",
  "active",
  "completed",
  "failed",
  "cancelled",
] as const satisfies readonly JobState[];

export const FLAGS = Object.freeze({
  "source-url": text("URL", "the repository to read; the first argument says the same"),
  "source-token": text(
    "TOKEN",
    "token or password for the source; better in the environment",
    "GITSYNC_SOURCE_TOKEN",
  ),
  "source-username": text("NAME", "user name that goes with the source's token", "GITSYNC_SOURCE_USERNAME"),
  "source-bearer-token": text(
    "TOKEN",
    "bearer token for the source; better in the environment",
    "GITSYNC_SOURCE_BEARER_TOKEN",
  ),
  "source-insecure-skip-tls-verify": toggle("accept any certificate of the source", {
    env: "GITSYNC_SOURCE_INSECURE_SKIP_TLS_VERIFY",
  }),
  "source-follow-info-refs-redirect": toggle(
    "send later requests to where the source's listing was redirected",
    { env: "GITSYNC_SOURCE_FOLLOW_INFO_REFS_REDIRECT" },
  ),
  "target-url": text("URL", "the repository to write; the second argument says the same"),
  "target-token": text(
    "TOKEN",
    "token or password for the target; better in the environment",
    "GITSYNC_TARGET_TOKEN",
  ),
  "target-username": text("NAME", "user name that goes with the target's token", "GITSYNC_TARGET_USERNAME"),
  "target-bearer-token": text(
    "TOKEN",
    "bearer token for the target; better in the environment",
    "GITSYNC_TARGET_BEARER_TOKEN",
  ),
  "target-insecure-skip-tls-verify": toggle("accept any certificate of the target", {
    env: "GITSYNC_TARGET_INSECURE_SKIP_TLS_VERIFY",
  }),
  "target-follow-info-refs-redirect": toggle(
    "send later requests to where the target's listing was redirected",
    { env: "GITSYNC_TARGET_FOLLOW_INFO_REFS_REDIRECT" },
  ),
  branch: list("A,B", scope.branches.description),
  map: list("SRC:DST", scope.mappings.description),
  tags: toggle(policy.includeTags.description),
  "all-refs": toggle(scope.allRefs.description),
  "include-ref": list("PATTERN", scope.includeRefs.description),
  "exclude-ref-prefix": list("PREFIX", scope.excludeRefPrefixes.description),
  "exclude-ref": list("REF", scope.excludeRefs.description),
  mode: choice(policy.mode.enum, policy.mode.description),
  "force-with-lease": toggle(policy.force.description),
  prune: toggle(policy.prune.description),
  atomic: toggle(policy.atomic.description),
  "best-effort": toggle(policy.bestEffort.description),
  destructive: choice(policy.destructive.enum, policy.destructive.description),
  "keep-archives-days": text("N", policy.keepArchivesDays.description),
  verify: choice(policy.verify.enum, policy.verify.description),
  "max-deletes": text(
    "N|P%",
    "block deletes when more refs than this, or more than this share, would go; give both as N,P%",
  ),
  protocol: choice(protocolModeSchema.enum, protocolModeSchema.description, "GITSYNC_PROTOCOL"),
  "max-pack-bytes": text("BYTES", "refuse to relay a larger pack"),
  "target-max-pack-bytes": text(
    "BYTES",
    "the largest pack that the target takes in one push; more goes in batches (default: found out)",
  ),
  "target-max-ref-updates": text("N", "ref updates in one push to the target (default 5000)"),
  "bootstrap-strategy": choice(
    ["first-parent", "topo"],
    "where a history may be cut that goes in batches: along first parents, or anywhere (default first-parent)",
  ),
  have: list("ID", "an object that is there already"),
  "have-ref": list("REF", "a ref of the source whose objects are there already"),
  stats: toggle("add requests and bytes of each phase to the report"),
  "measure-memory": toggle("add time, memory and CPU use to the report"),
  progress: toggle(
    "show progress even where standard error is no terminal; with --json as JSON, one event a line",
  ),
  plan: text("HASH", "the deletes to approve, as the run that was blocked names them"),
  offline: toggle("read the file only, and connect to nothing"),
  json: toggle("print exactly one JSON document, also when the run fails"),
  verbose: toggle("list unchanged refs too, and print what the servers say", { short: "v" }),
  queue: text(
    "URL",
    "embedded:[DIR], redis://, rediss:// or postgres:// (default embedded:)",
    "GITSYNC_QUEUE_URL",
  ),
  config: text("FILE", "configuration of the fleet", "GITSYNC_CONFIG"),
  gateway: text("URL", "the gateway to deliver to (default http://127.0.0.1:8080)"),
  provider: text("NAME", "the forge to deliver as, where the file names several"),
  wait: toggle("wait for a run that started after this request, and report it"),
  listen: text("HOST:PORT", "address to serve HTTP on (default 127.0.0.1:8080)", "GITSYNC_LISTEN"),
  adhoc: toggle("let the API start syncs of endpoints that are not configured"),
  concurrency: text("N", "syncs that run at the same time", "GITSYNC_WORKER_CONCURRENCY"),
  state: choice(JOB_STATES, "only jobs in this state"),
  limit: text("N", "at most so many (default 50)"),
  scenario: choice(["bootstrap", "sync"], "a first mirror that overwrites, or a sync (default bootstrap)"),
  repeat: text("N", "runs, one after the other (default 3)"),
  "work-dir": text("DIR", "where the targets are made (default: a temporary folder)"),
  "keep-targets": toggle("leave the targets where they are"),
  "compare-git": toggle("also time git clone and git push of the same"),
  help: toggle("show this help", { short: "h" }),
} as const satisfies Record<string, Flag>);

export type FlagName = keyof typeof FLAGS;

type ValueOf<F> = F extends { readonly kind: "switch" }
  ? true
  : F extends { readonly kind: "list" }
    ? readonly string[]
    : string;

/** The flags that were given, by name. */
export type FlagValues = { readonly [K in FlagName]?: ValueOf<(typeof FLAGS)[K]> };

/** The description of a flag, without its literal types. */
export function flagOf(name: FlagName): Flag {
  return FLAGS[name];
}

/** Who we are at both repositories. */
export const ENDPOINT_FLAGS = [
  "source-url",
  "source-token",
  "source-username",
  "source-bearer-token",
  "source-insecure-skip-tls-verify",
  "source-follow-info-refs-redirect",
  "target-url",
  "target-token",
  "target-username",
  "target-bearer-token",
  "target-insecure-skip-tls-verify",
  "target-follow-info-refs-redirect",
] as const satisfies readonly FlagName[];

/** Which refs, and what may happen to them. */
export const SCOPE_FLAGS = [
  "branch",
  "map",
  "tags",
  "all-refs",
  "include-ref",
  "exclude-ref-prefix",
  "exclude-ref",
] as const satisfies readonly FlagName[];

export const POLICY_FLAGS = [
  "force-with-lease",
  "prune",
  "atomic",
  "best-effort",
  "destructive",
  "keep-archives-days",
  "max-deletes",
  "verify",
  "protocol",
] as const satisfies readonly FlagName[];

/** What is shown, and how. */
export const REPORT_FLAGS = [
  "stats",
  "measure-memory",
  "progress",
  "json",
  "verbose",
] as const satisfies readonly FlagName[];
