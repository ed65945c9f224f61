import type { RunReport, SyncResult, Trigger } from "@gitsync/jobs";
import { expect, test } from "vitest";
import { hookHealth } from "./hook-health.ts";

/** A run that started at `startedAt` and applied so many refs. */
function run(startedAt: number, triggers: readonly Trigger[], applied: number): RunReport {
  const counts = { applied, deleted: 0 } as SyncResult["counts"];
  return {
    runId: `run-${startedAt}`,
    jobId: "j",
    route: "docs/backup",
    attempt: 1,
    startedAt,
    finishedAt: startedAt,
    outcome: "converged",
    final: true,
    triggers,
    result: { counts } as SyncResult,
  };
}

test.for<readonly [what: string, runs: readonly RunReport[], health: unknown]>([
  ["nothing happened", [], { state: "quiet", changes: 0, missed: 0 }],
  ["the schedule finds nothing", [run(1, ["schedule"], 0)], { state: "quiet", changes: 0, missed: 0 }],
  [
    "the first mirror is nobody's fault",
    [run(1, ["backfill"], 9)],
    { state: "quiet", changes: 1, missed: 0 },
  ],
  [
    "a webhook tells of a change",
    [run(2, ["webhook"], 1)],
    { state: "ok", lastHeardAt: 2, changes: 1, missed: 0 },
  ],
  [
    "the schedule finds a change",
    [run(3, ["schedule"], 1), run(2, ["webhook"], 1)],
    { state: "missing", lastHeardAt: 2, changes: 2, missed: 1 },
  ],
  [
    "webhooks are back",
    [run(4, ["webhook"], 0), run(3, ["schedule"], 1)],
    { state: "ok", lastHeardAt: 4, changes: 1, missed: 1 },
  ],
  ["both came", [run(3, ["schedule", "webhook"], 1)], { state: "ok", lastHeardAt: 3, changes: 1, missed: 0 }],
  ["a retry tells nothing", [run(3, [], 1)], { state: "quiet", changes: 0, missed: 0 }],
])("%s", ([, runs, health]) => {
  expect(hookHealth(runs)).toEqual(health);
});
