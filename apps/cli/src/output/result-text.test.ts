import type { RefResult, SyncResult } from "@gitsync/engine";
import { describe, test } from "vitest";
import { formatBytes, resultText } from "./result-text.ts";

const [OLD, NEW] = ["1".repeat(40), "2".repeat(40)];

function ref(values: Partial<RefResult>): RefResult {
  return {
    branch: "main",
    sourceRef: "refs/heads/main",
    targetRef: "refs/heads/main",
    sourceHash: NEW,
    targetHash: OLD,
    kind: "branch",
    action: "update",
    outcome: "applied",
    reason: "moves forward",
    code: "fast-forward",
    ...values,
  };
}

function result(
  refs: readonly RefResult[],
  counts: Partial<SyncResult["counts"]>,
  execution: Partial<SyncResult["execution"]> = {},
): SyncResult {
  return {
    refs,
    counts: { applied: 0, skipped: 0, blocked: 0, deleted: 0, warned: 0, refused: 0, unknown: 0, ...counts },
    execution: {
      dryRun: false,
      protocol: "v2",
      operationMode: "replicate",
      relay: true,
      transferMode: "relay",
      reason: "objects-missing",
      bootstrapSuggested: false,
      converged: true,
      batch: { enabled: false, planned: 0, done: 0 },
      ...execution,
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

describe("resultText()", () => {
  test("is one aligned line per ref and a summary", ({ expect }) => {
    const refs = [
      ref({ action: "create", targetHash: "", targetRef: "refs/tags/v1", reason: "new tag" }),
      ref({}),
    ];
    expect(resultText(result(refs, { applied: 2, skipped: 1 }), { verbose: false, stats: false }))
      .toMatchInlineSnapshot(`
      "create  refs/tags/v1     -       ..22222222  new tag
      update  refs/heads/main  11111111..22222222  moves forward
      summary: 2 applied, 1 unchanged (replicate, v2, relay)
      "
    `);
  });

  test("names the code of what went wrong, and leaves unchanged refs to -v", ({ expect }) => {
    const refs = [
      ref({ action: "warn", outcome: "refused", reason: "the target hides it", code: "hidden-ref" }),
      ref({
        action: "block",
        outcome: "not-attempted",
        reason: "not a fast-forward",
        code: "not-fast-forward",
      }),
      ref({ action: "skip", outcome: "unchanged", reason: "already current", code: "already-current" }),
    ];
    const counts = { warned: 1, refused: 1, blocked: 1, skipped: 1 };
    expect(resultText(result(refs, counts, { converged: false }), { verbose: false, stats: false }))
      .toMatchInlineSnapshot(`
      "warn    refs/heads/main  11111111..22222222  refused: the target hides it [hidden-ref]
      block   refs/heads/main  11111111..22222222  not attempted: not a fast-forward [not-fast-forward]
      summary: 1 blocked, 1 refused, 1 warned, 1 unchanged (replicate, v2, relay)
      "
    `);
    expect(resultText(result(refs, counts), { verbose: true, stats: false })).toContain("already current");
  });

  test("counts what was deleted beside what was applied, and calls neither nothing", ({ expect }) => {
    const summary = (counts: Partial<SyncResult["counts"]>): string =>
      resultText(result([], counts), { verbose: false, stats: false });
    expect(summary({ deleted: 1, skipped: 4 })).toBe(
      "summary: 1 deleted, 4 unchanged (replicate, v2, relay)\n",
    );
    expect(summary({ applied: 1, deleted: 2 })).toBe(
      "summary: 1 applied, 2 deleted (replicate, v2, relay)\n",
    );
  });

  test("says plainly that there was nothing to do", ({ expect }) => {
    const text = resultText(result([], { skipped: 12 }, { transferMode: "nothing" }), {
      verbose: false,
      stats: false,
    });
    expect(text).toBe("nothing to do: 12 refs already equal (replicate, v2)\n");
  });
});

test("says what a run could not clear away behind itself", ({ expect }) => {
  const left = { targetRef: "refs/gitsync/batch/x", reason: "declined", code: "hook-declined" };
  const text = (count: number): string =>
    resultText(result([], { applied: 1 }, { leftovers: { ...left, count } }), {
      verbose: false,
      stats: false,
    });
  expect(text(1)).toBe(
    "left at the target until the next run: refs/gitsync/batch/x: declined [hook-declined]\n" +
      "summary: 1 applied (replicate, v2, relay)\n",
  );
  expect(text(3)).toContain("next run: refs/gitsync/batch/x and 2 more: declined");
});

describe("formatBytes()", () => {
  test.for([
    [0, "0 bytes"],
    [999, "999 bytes"],
    [1_000, "1.0 kB"],
    [317_000_000, "317.0 MB"],
    [5e15, "5000.0 TB"],
  ] as const)("%d", ([bytes, text], { expect }) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
