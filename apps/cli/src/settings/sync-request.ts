/** Builds the request of a run from flags and positionals. */

import {
  validateProbeRequest,
  validateSyncRequest,
  type Endpoint,
  type ProbeRequest,
  type RefMapping,
  type RefScope,
  type SyncPolicy,
  type SyncRequest,
} from "@gitsync/engine";
import type { BootstrapRequest, FetchRequest } from "@gitsync/engine/unstable";
import type { Environment } from "@gitsync/runtime";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command-line/command.ts";
import { portableAddress } from "./portable-address.ts";

/** The part of the environment that says how two repositories are reached. */
export type RunNow = Environment["runNow"];

/** What `mirror` and `enqueue` start from: heads and tags, overwritten, nothing deleted, as far as it goes. */
export const MIRROR_POLICY: SyncPolicy = Object.freeze({
  mode: "replicate",
  includeTags: true,
  bestEffort: true,
  verify: "list",
});

/**
 * The request that the command line describes, over the defaults of its command. Without `runNow` the environment
 * has no say: somebody else will run it.
 *
 * @throws {SyncError} as `validateSyncRequest` does; {@link CliError} for a flag whose value means nothing.
 */
export function syncRequestOf(context: CommandContext, defaults: SyncPolicy, runNow?: RunNow): SyncRequest {
  const { flags } = context;
  const request: SyncRequest = {
    source: endpointOf(context, "source", runNow),
    target: endpointOf(context, "target", runNow),
    scope: scopeOf(context),
    policy: { ...defaults, ...policyOf(context, runNow) },
    ...(flags.stats ? { collectStats: true } : {}),
    ...(flags.verbose ? { includeUnchanged: true } : {}),
  };
  return validateSyncRequest(request);
}

/**
 * The request of `probe`.
 *
 * @throws {SyncError} as `validateProbeRequest` does.
 */
export function probeRequestOf(context: CommandContext, runNow: RunNow): ProbeRequest {
  const { flags, positionals } = context;
  return validateProbeRequest({
    source: endpointOf(context, "source", runNow),
    ...(positionals["target"] === undefined ? {} : { target: endpointOf(context, "target", runNow) }),
    ...(flags["all-refs"] ? { allRefs: true } : {}),
    ...(flags["exclude-ref-prefix"] ? { excludeRefPrefixes: flags["exclude-ref-prefix"] } : {}),
    ...commonOf(context, runNow),
  });
}

/** The request of `bootstrap`, which the client checks. */
export function bootstrapRequestOf(context: CommandContext, runNow: RunNow): BootstrapRequest {
  return {
    source: endpointOf(context, "source", runNow),
    target: endpointOf(context, "target", runNow),
    scope: scopeOf(context),
    ...(context.flags["best-effort"] ? { bestEffort: true } : {}),
    ...commonOf(context, runNow),
  };
}

/** The request of `fetch`, which the client checks. */
export function fetchRequestOf(context: CommandContext, runNow: RunNow): FetchRequest {
  const { flags } = context;
  return {
    source: endpointOf(context, "source", runNow),
    scope: scopeOf(context),
    ...(flags.have ? { haves: flags.have } : {}),
    ...(flags["have-ref"] ? { haveRefs: flags["have-ref"] } : {}),
    ...commonOf(context, runNow),
  };
}

function commonOf(
  context: CommandContext,
  runNow: RunNow,
): Pick<BootstrapRequest, "protocol" | "includeTags" | "collectStats"> {
  const { flags } = context;
  return {
    protocol: protocolOf(context, runNow),
    ...(flags.tags ? { includeTags: true } : {}),
    ...(flags.stats ? { collectStats: true } : {}),
  };
}

/** Which refs the flags choose. */
function scopeOf({ flags, command }: CommandContext): RefScope {
  const branches = (flags.branch ?? []).flatMap((value) => value.split(",")).filter((name) => name !== "");
  const mappings = (flags.map ?? []).map((value) => parseMapping(value, command.name));
  return {
    ...(branches.length === 0 ? {} : { branches }),
    ...(mappings.length === 0 ? {} : { mappings }),
    ...(flags["all-refs"] ? { allRefs: true } : {}),
    ...(flags["include-ref"] ? { includeRefs: flags["include-ref"] } : {}),
    ...(flags["exclude-ref-prefix"] ? { excludeRefPrefixes: flags["exclude-ref-prefix"] } : {}),
    ...(flags["exclude-ref"] ? { excludeRefs: flags["exclude-ref"] } : {}),
  };
}

/** One side's address and how it is listed. A local path becomes absolute, so that any process may use it. */
function endpointOf(context: CommandContext, role: "source" | "target", runNow?: RunNow): Endpoint {
  const url = context.positionals[role];
  if (url === undefined) throw new CliError("USAGE", `${role} is missing`, { command: context.command.name });
  const follow =
    context.flags[`${role}-follow-info-refs-redirect`] ?? runNow?.[role].followInfoRefsRedirect ?? false;
  return { url: portableAddress(url, context.cwd), ...(follow ? { followInfoRefsRedirect: true } : {}) };
}

/** The protocol that the flag or else the environment names. */
function protocolOf({ flags }: CommandContext, runNow?: RunNow): NonNullable<SyncPolicy["protocol"]> {
  return flags.protocol === "v1" || flags.protocol === "v2" || flags.protocol === "auto"
    ? flags.protocol
    : (runNow?.protocol ?? "auto");
}

function policyOf(context: CommandContext, runNow: RunNow | undefined): SyncPolicy {
  const { flags, command } = context;
  const protocol = protocolOf(context, runNow);
  return {
    ...(flags.mode === "sync" || flags.mode === "replicate" ? { mode: flags.mode } : {}),
    ...(flags.tags ? { includeTags: true } : {}),
    ...(flags["force-with-lease"] ? { force: "with-lease" } : {}),
    ...(flags.prune ? { prune: true } : {}),
    ...(flags["best-effort"] ? { bestEffort: true } : {}),
    ...(flags.atomic ? { atomic: true } : {}),
    ...(protocol === "auto" ? {} : { protocol }),
    ...(flags.destructive === undefined ? {} : { destructive: parseDestructive(flags.destructive) }),
    ...(flags["max-deletes"] === undefined
      ? {}
      : { maxDeletes: parseMaxDeletes(flags["max-deletes"], command.name) }),
    ...(flags["keep-archives-days"] === undefined
      ? {}
      : { keepArchivesDays: parseDays(flags["keep-archives-days"], command.name) }),
    ...(flags.verify === "report" || flags.verify === "list" ? { verify: flags.verify } : {}),
  };
}

function parseDestructive(text: string): NonNullable<SyncPolicy["destructive"]> {
  return text === "archive" || text === "block" ? text : "allow";
}

function parseDays(text: string, command: string): number {
  const days = /^\d{1,5}$/u.test(text) ? Number(text) : 0;
  if (days > 0) return days;
  throw new CliError("USAGE", "flag --keep-archives-days needs a number of days", { command });
}

/** `src:dst`, cut at the first colon that has something on both sides. */
function parseMapping(text: string, command: string): RefMapping {
  const colon = text.indexOf(":");
  const [source, target] = [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
  if (colon > 0 && source !== "" && target !== "") return { source, target };
  throw new CliError("USAGE", `flag --map needs SRC:DST, not ${JSON.stringify(text)}`, { command });
}

/**
 * `20` refs, `5%` of them, or `20,5%`. Deletes are blocked when both are exceeded, so the one that is not named
 * is taken to be exceeded at once.
 */
function parseMaxDeletes(text: string, command: string): NonNullable<SyncPolicy["maxDeletes"]> {
  const parsed =
    /^(?:(?<count>\d{1,9})|(?<percent>\d{1,3}(?:\.\d+)?)%|(?<both>\d{1,9}),(?<share>\d{1,3}(?:\.\d+)?)%)$/u.exec(
      text,
    )?.groups;
  const percent = Number(parsed?.["percent"] ?? parsed?.["share"] ?? 0);
  if (parsed === undefined || percent > 100) {
    throw new CliError("USAGE", "flag --max-deletes needs a number, a percentage, or both as N,P%", {
      command,
    });
  }
  return { count: Number(parsed["count"] ?? parsed["both"] ?? 0), percent };
}
