/** The second half of docs/seed-map.md: the names of the Go library that the engine began as. */

import { COMMANDS, FLAGS } from "@gitsync/cli";
import { SYNC_ERRORS } from "@gitsync/engine";
import * as schema from "@gitsync/engine/schema";
import { describe, expect, test } from "vitest";
import { filesOf, readText } from "./repository.ts";

const SOURCE = "packages/engine/src";

/** What gitsync 0.8 exports, by the part of the page that has its row. */
const THEIRS: Readonly<Record<string, string>> = {
  Functions:
    "New Client Client.Probe Client.Plan Client.Sync Client.Replicate Options Options.HTTPClient Options.Auth SetIdentity ErrTargetRefMoved RefRejectedError unstable.New unstable.Client.Bootstrap unstable.Client.Fetch",
  Requests:
    "Endpoint.URL Endpoint.FollowInfoRefsRedirect EndpointAuth.Username EndpointAuth.Token EndpointAuth.BearerToken EndpointAuth.SkipTLSVerify EndpointRole AuthProvider StaticAuthProvider RefMapping.Source RefMapping.Target RefScope.Branches RefScope.Mappings RefScope.AllRefs RefScope.IncludeRefPrefixes RefScope.ExcludeRefPrefixes RefScope.ExcludeRefs SyncPolicy.Mode SyncPolicy.IncludeTags SyncPolicy.ForceWithLease SyncPolicy.ForceBlind SyncPolicy.Prune SyncPolicy.BestEffort SyncPolicy.Protocol SyncPolicy.AllowEmptySource ProbeRequest.Source ProbeRequest.Target ProbeRequest.IncludeTags ProbeRequest.AllRefs ProbeRequest.ExcludeRefPrefixes ProbeRequest.Protocol ProbeRequest.CollectStats PlanRequest SyncRequest.Source SyncRequest.Target SyncRequest.Scope SyncRequest.Policy SyncRequest.CollectStats unstable.SyncRequest.DryRun unstable.BootstrapRequest unstable.FetchRequest.HaveRefs unstable.FetchRequest.HaveHashes AdvancedOptions.MeasureMemory AdvancedOptions.Verbose AdvancedOptions.Progress AdvancedOptions.MaxPackBytes AdvancedOptions.TargetMaxPackBytes AdvancedOptions.TargetMaxRefUpdates AdvancedOptions.MaterializedMaxObjects AdvancedOptions.BootstrapStrategy",
  Results:
    "RefPlan RefResult.Branch RefResult.SourceRef RefResult.TargetRef RefResult.SourceHash RefResult.TargetHash RefResult.Kind RefResult.Action RefResult.Reason SyncCounts.Applied SyncCounts.Skipped SyncCounts.Blocked SyncCounts.Deleted SyncCounts.Warned BatchSummary.Enabled BatchSummary.Planned BatchSummary.Done ExecutionSummary.DryRun ExecutionSummary.Protocol ExecutionSummary.OperationMode ExecutionSummary.Relay ExecutionSummary.TransferMode ExecutionSummary.Reason ExecutionSummary.BootstrapSuggested ExecutionSummary.SourceHead ExecutionSummary.Batch ExecutionSummary.Converged SyncResult.Refs SyncResult.Counts SyncResult.Execution SyncResult.Stats SyncResult.Measurement PlanResult ProbeResult.SourceURL ProbeResult.TargetURL ProbeResult.RequestedMode ProbeResult.Protocol ProbeResult.RefPrefixes ProbeResult.SourceCapabilities ProbeResult.TargetCapabilities ProbeResult.Refs ProbeResult.SourceHead ProbeResult.SourceHeadUnborn ProbeResult.Stats ProbeResult.Measurement RefInfo.Name RefInfo.Hash unstable.FetchResult.Wants unstable.FetchResult.Haves unstable.FetchResult.FetchedObjects Stats.Enabled Stats.Items Stats.Sides Stats.ElapsedNanos ServiceStats.Name ServiceStats.Requests ServiceStats.RequestBytes ServiceStats.ResponseBytes ServiceStats.Wants ServiceStats.Haves ServiceStats.Commands SideBytes.Label SideBytes.Bytes SideBytes.ActiveNanos SideBytes.IdleNanos Measurement.Enabled Measurement.ElapsedMillis Measurement.PeakAllocBytes Measurement.PeakHeapInuseBytes Measurement.TotalAllocBytes Measurement.GCCount",
  Commands:
    "sync replicate plan bootstrap probe fetch version git-sync-bench --source-url --source-token --source-username --source-bearer-token --source-insecure-skip-tls-verify --source-follow-info-refs-redirect --target-url --branch --map --tags --all-refs --exclude-ref-prefix --protocol --force-with-lease --force-blind --prune --max-pack-bytes --target-max-pack-bytes --target-max-ref-updates --bootstrap-strategy --have --have-ref --mode --stats --measure-memory --progress --json --verbose --scenario --repeat --work-dir --keep-targets",
};

const page = readText("docs/seed-map.md");
const sources = filesOf(`${SOURCE}/**/*.ts`).map(readText).join("\n");
const surface: readonly string[] =
  /## @gitsync\/engine\n([\s\S]*?)\n## /u.exec(readText("docs/surface.md"))?.[1]?.match(/\w+/gu) ?? [];

describe("docs/seed-map.md, of the Go library", () => {
  test.for(Object.entries(THEIRS))("%s: every name there has its row", ([part, names]) => {
    expect(
      rowsOf(part)
        .map(({ theirs }) => theirs)
        .toSorted(),
    ).toEqual(names.split(" ").toSorted());
  });

  test("every name of ours is there: an export, a member of one, an error, a command or a flag", () => {
    const ours = Object.keys(THEIRS).flatMap(rowsOf);
    expect(ours.flatMap((row) => row.ours.filter((name) => !isOurs(name)))).toEqual([]);
  });

  test("a name that is nowhere would be noticed", () => {
    for (const name of ["Endpoint.uri", "Limits.maxFun", "Nothing", "--force-blind", "REFS_LOST"]) {
      expect(isOurs(name), name).toBe(false);
    }
  });
});

function rowsOf(part: string): { readonly theirs: string; readonly ours: readonly string[] }[] {
  const [, section = ""] = page.split(`\n## ${part} of the Go library\n`);
  return (section.split("\n## ")[0] ?? "").split("\n").flatMap((line) => {
    const [, first = "", second = ""] = line.split("|");
    const [, theirs] = /^ `([^`]+)` $/u.exec(first) ?? [];
    if (theirs === undefined) return [];
    return [{ theirs, ours: [...second.matchAll(/`([^`]+)`/gu)].map(([, name = ""]) => name) }];
  });
}

function isOurs(name: string): boolean {
  if (name.startsWith("--")) return Object.hasOwn(FLAGS, name.slice(2));
  if (COMMANDS.some((command) => command.name === name)) return true;
  const [owner = "", member] = name.split(".");
  if (member === undefined) return Object.hasOwn(SYNC_ERRORS, owner) || surface.includes(owner);
  const described = new Map<string, unknown>(Object.entries(schema)).get(
    `${owner[0]?.toLowerCase()}${owner.slice(1)}Schema`,
  );
  if (described !== undefined) return Object.hasOwn(propertiesOf(described), member);
  const [, body = ""] =
    new RegExp(String.raw`^export (?:interface|class) ${owner}\b[^\n]*\{$([\s\S]*?)^\}`, "mu").exec(
      sources,
    ) ?? [];
  return surface.includes(owner) && new RegExp(String.raw`^ {2}(?:readonly )?${member}\b`, "mu").test(body);
}

function propertiesOf(described: unknown): object {
  if (typeof described !== "object" || described === null || !("properties" in described)) return {};
  return typeof described.properties === "object" && described.properties !== null
    ? described.properties
    : {};
}
