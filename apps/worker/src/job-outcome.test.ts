import { SYNC_ERRORS, SyncError, type RefResult, type SyncErrorCode, type SyncResult } from "@gitsync/engine";
import { MAX_ATTEMPTS } from "@gitsync/jobs";
import { describe, expect, test } from "vitest";
import { judgeError, judgeResult, judgeStarts } from "./job-outcome.ts";

const facts = { attempt: 1, random: () => 0.5 };
const last = { ...facts, attempt: MAX_ATTEMPTS };
const HOUR_MS = 3_600_000;

function result(converged: boolean, refs: readonly Partial<RefResult>[] = []): SyncResult {
  const complete = refs.map((ref) => ({
    branch: "main",
    sourceRef: "refs/heads/main",
    targetRef: "refs/heads/main",
    sourceHash: "",
    targetHash: "",
    kind: "branch" as const,
    action: "warn" as const,
    outcome: "refused" as const,
    reason: "",
    code: "hook-declined",
    ...ref,
  }));
  const unknown = complete.filter((ref) => ref.outcome === ("unknown" as RefResult["outcome"])).length;
  return {
    refs: complete,
    counts: { applied: 0, skipped: 0, blocked: 0, deleted: 0, warned: 0, refused: 0, unknown },
    execution: {
      dryRun: false,
      protocol: "v2",
      operationMode: "sync",
      relay: true,
      transferMode: "relay",
      reason: "",
      bootstrapSuggested: false,
      converged,
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

describe("judgeResult()", () => {
  test("converged settles the hints", () => {
    expect(judgeResult(result(true), facts)).toMatchObject({
      outcome: "converged",
      step: "done",
      settles: true,
      final: true,
    });
  });

  test("a recognised refusal degrades and settles", () => {
    const verdict = judgeResult(result(false, [{ code: "protected" }]), facts);
    expect(verdict).toMatchObject({
      outcome: "degraded",
      step: "done",
      settles: true,
      end: { condition: "degraded" },
    });
  });

  test.for([
    ["transient", { code: "refused-unknown" }],
    ["transient", { code: "workflow-timeout" }],
    ["transient", { outcome: "lease-lost" }],
    ["unknown", { outcome: "unknown" }],
  ] as const)("%s after a ref with %j: tried again, nothing settled", ([outcome, ref]) => {
    expect(judgeResult(result(false, [ref]), facts)).toMatchObject({
      outcome,
      step: "retry",
      settles: false,
      final: false,
    });
  });
});

describe("judgeError()", () => {
  const expected = {
    transient: { step: "retry", outcome: "transient", end: { jobState: "delayed", failures: "count" } },
    "rate-limited": {
      step: "put-off",
      outcome: "rate-limited",
      end: { jobState: "delayed", failures: "keep" },
    },
    permanent: {
      step: "fail",
      outcome: "permanent",
      end: { jobState: "failed", condition: "failing", waitMs: 24 * HOUR_MS },
    },
    unknown: { step: "retry", outcome: "unknown", end: { jobState: "delayed", condition: "unknown" } },
    cancelled: { step: "retry", outcome: "transient" },
    refs: { step: "done", outcome: "degraded", settles: true },
  } as const;

  test.for(Object.keys(SYNC_ERRORS) as SyncErrorCode[])("%s is handled as its class says", (code) => {
    const error = new SyncError(code, "it failed");
    const verdict = judgeError(error, facts);
    expect(verdict).toMatchObject(expected[error.class]);
    expect(verdict.error).toEqual({ code, message: "it failed", remedy: SYNC_ERRORS[code].remedy });
  });

  test("only an outcome that is done settles hints", () => {
    for (const code of Object.keys(SYNC_ERRORS) as SyncErrorCode[]) {
      const verdict = judgeError(new SyncError(code, ""), facts);
      expect(verdict.settles).toBe(verdict.step === "done");
    }
  });

  test("the last attempt is final, shows, and waits at most a quarter of an hour", () => {
    for (const code of ["REMOTE_TIMEOUT", "OUTCOME_UNKNOWN"] as const) {
      const verdict = judgeError(new SyncError(code, ""), last);
      expect(verdict).toMatchObject({ final: true, end: { jobState: "failed", waitMs: HOUR_MS / 8 } });
      expect(verdict.end.condition).toBe(code === "REMOTE_TIMEOUT" ? "failing" : "unknown");
    }
  });

  test("waits as long as the host asks, in whole milliseconds, a minute when it does not say", () => {
    const wait = (retryAfterMs?: number) =>
      judgeError(
        new SyncError("RATE_LIMITED", "", {}, retryAfterMs === undefined ? {} : { retryAfterMs }),
        facts,
      ).blockMs;
    expect([wait(90_000.9), wait(0), wait()]).toEqual([90_000, 1_000, 60_000]);
  });

  test("who stopped the run decides, whatever it failed with", () => {
    const aborted = new SyncError("ABORTED", "");
    expect(judgeError(aborted, { ...facts, stopped: "shutdown" })).toMatchObject({
      outcome: "released",
      step: "release",
      final: false,
      end: { jobState: "waiting", failures: "keep" },
    });
    expect(judgeError(aborted, { ...facts, stopped: "lock-lost" })).toMatchObject({
      outcome: "released",
      end: { requestAgain: true },
    });
    expect(judgeError(aborted, { ...facts, stopped: "cancelled" })).toMatchObject({
      outcome: "cancelled",
      step: "fail",
      final: true,
      end: { jobState: "cancelled", failures: "keep" },
    });
    expect(judgeError(new Error("socket closed"), { ...facts, stopped: "shutdown" })).toMatchObject({
      outcome: "released",
    });
  });

  test("a push that was cut off by a cancellation leaves the state unknown", () => {
    const verdict = judgeError(new SyncError("OUTCOME_UNKNOWN", ""), { ...facts, stopped: "cancelled" });
    expect(verdict).toMatchObject({ outcome: "cancelled", end: { condition: "unknown" } });
  });

  test("a bug is tried again and keeps its message", () => {
    expect(judgeError(new TypeError("x is undefined"), facts)).toMatchObject({
      outcome: "transient",
      error: { code: "UNEXPECTED", message: "x is undefined" },
    });
  });

  test("the result of a run that failed after planning is kept", () => {
    const blocked = new SyncError("REFS_BLOCKED", "", {}, { result: result(false) });
    expect(judgeError(blocked, facts)).toMatchObject({
      outcome: "degraded",
      result: { execution: { converged: false } },
      error: { code: "REFS_BLOCKED" },
    });
    const unsure = new SyncError(
      "REFS_REFUSED",
      "",
      {},
      { result: result(false, [{ code: "refused-unknown" }]) },
    );
    expect(judgeError(unsure, facts)).toMatchObject({ outcome: "transient", step: "retry" });
  });
});

describe("judgeStarts()", () => {
  test("five starts without an end are let pass, the sixth is not; one try an hour after that", () => {
    expect(judgeStarts(5)).toBeUndefined();
    expect(judgeStarts(6)).toMatchObject({
      step: "fail",
      end: { condition: "failing", waitMs: HOUR_MS, starts: 4 },
    });
  });
});
