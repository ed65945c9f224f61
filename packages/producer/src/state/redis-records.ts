/** Redis hashes as they are written by the scripts, decoded. */

import type {
  JobState,
  RouteCondition,
  RouteDefinition,
  RunningRun,
  TargetKey,
  Trigger,
} from "@gitsync/jobs";
import type { JobRecord, WakingRoute } from "./route-store.ts";
import type { RouteRecord } from "./route-record.ts";

type Hash = Readonly<Record<string, string>>;

/** `undefined` when there is no such route. */
export function routeFromHash(hash: Hash): RouteRecord | undefined {
  const definition = hash["def"];
  if (definition === undefined || hash["retired"] !== undefined) return undefined;
  return {
    definition: JSON.parse(definition),
    paused: hash["paused"] === "1",
    requested: hash["requested"],
    synced: hash["synced"],
    requestedAt: whole(hash["requestedAt"]),
    firstUnsyncedAt: whole(hash["firstUnsyncedAt"]),
    lastSuccessAt: whole(hash["lastSuccessAt"]),
    lastError: hash["lastError"] === undefined ? undefined : JSON.parse(hash["lastError"]),
    failuresInARow: whole(hash["failures"]) ?? 0,
    notBefore: whole(hash["notBefore"]),
    nextDueAt: whole(hash["dueAt"]),
    lastChangeAt: whole(hash["lastChangeAt"]),
    quarantine: hash["quarantine"] === undefined ? [] : JSON.parse(hash["quarantine"]),
    condition: hash["condition"] as RouteCondition | undefined,
    running: running(hash),
  };
}

function running(hash: Hash): RunningRun | undefined {
  const runId = hash["runId"];
  if (runId === undefined) return undefined;
  return {
    runId,
    workerId: hash["workerId"] ?? "",
    jobId: hash["runJob"] ?? "",
    startedAt: whole(hash["runStartedAt"]) ?? 0,
    ...(hash["progress"] === undefined ? {} : { progress: JSON.parse(hash["progress"]) }),
  };
}

/** `running` holds the id and the progress of the run that its route has now. */
export function jobFromHash(
  hash: Hash,
  report: string | null,
  running: readonly (string | null)[],
): JobRecord {
  const startedAt = whole(hash["startedAt"]);
  const finishedAt = whole(hash["finishedAt"]);
  const [runId, progress] = running;
  return {
    id: hash["id"] ?? "",
    route: hash["route"] ?? "",
    target: (hash["target"] ?? "") as TargetKey,
    lane: hash["lane"] ?? "",
    trigger: hash["trigger"] as Trigger,
    state: hash["state"] as JobState,
    attempt: whole(hash["attempt"]) ?? 0,
    createdAt: whole(hash["createdAt"]) ?? 0,
    requestedAt: whole(hash["requestedAt"]) ?? 0,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(report === null ? {} : { report: JSON.parse(report) }),
    ...(runId && runId === hash["runId"] && progress ? { progress: JSON.parse(progress) } : {}),
  };
}

/** An answer of the script `takeWaking`. */
export function wakingRoute(row: readonly string[]): WakingRoute {
  const [id = "", definition = "", dirty, changedAt, started, worker = "", again] = row;
  const { targetKey, every }: RouteDefinition = JSON.parse(definition);
  return {
    id,
    target: targetKey,
    every,
    dirty: dirty === "1",
    lastChangeAt: whole(changedAt),
    everStarted: started === "1",
    workerId: worker === "" ? undefined : worker,
    lookAgain: again === "1",
  };
}

function whole(text: string | undefined): number | undefined {
  return text === undefined || text === "" ? undefined : Number(text);
}
