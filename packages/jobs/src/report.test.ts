import type { RefResult, SyncResult } from "@gitsync/engine";
import { expect, test } from "vitest";
import { condenseResult } from "./report.ts";
import { MAX_REPORT_REFS } from "./route.ts";

function resultWith(refs: readonly RefResult[]): SyncResult {
  return {
    refs: [...refs],
    counts: { applied: 0, skipped: 0, blocked: 0, deleted: 0, warned: 0, refused: 0, unknown: 0 },
    execution: {
      dryRun: false,
      protocol: "v2",
      operationMode: "sync",
      relay: true,
      transferMode: "relay",
      reason: "",
      bootstrapSuggested: false,
      converged: true,
      batch: { enabled: false, planned: 0, done: 0 },
    },
    stats: { enabled: false, items: {}, sides: [], elapsedNanos: 0 },
    measurement: {
      enabled: false,
      elapsedMillis: 0,
      peakRssBytes: 0,
      peakHeapBytes: 0,
      cpuUserMicros: 0,
      cpuSystemMicros: 0,
      gcCount: 0,
    },
  };
}

function ref(branch: string, facts: Partial<RefResult> = {}): RefResult {
  const names = {
    branch,
    sourceRef: `refs/heads/${branch}`,
    targetRef: `refs/heads/${branch}`,
    sourceHash: "",
    targetHash: "",
  };
  return {
    ...names,
    kind: "branch",
    action: "update",
    outcome: "applied",
    reason: "",
    code: "fast-forward",
    ...facts,
  };
}

test("condenseResult() leaves a short report alone", () => {
  const result = resultWith([ref("main")]);
  expect(condenseResult(result)).toBe(result);
});

test("condenseResult() keeps the noteworthy refs and says that some went", () => {
  const many = Array.from({ length: 500 }, (_, n) => ref(`b${n}`));
  const notable = [
    ref("blocked", { action: "block", outcome: "not-attempted" }),
    ref("lost", { outcome: "unknown" }),
    ref("no", { outcome: "refused" }),
  ];
  const condensed = condenseResult(resultWith([...many, ...notable]));
  expect(condensed.refs).toHaveLength(MAX_REPORT_REFS);
  expect(condensed.refs.slice(0, 3).map((kept) => kept.branch)).toEqual(["blocked", "lost", "no"]);
  expect(condensed.truncated).toBe(true);
});
