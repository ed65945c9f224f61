import type { RefName } from "@gitsync/protocol";
import { describe, expect, test } from "vitest";
import type { CurrentRefs } from "./plan/difference.ts";
import type { PlannedRef } from "./plan/plan.ts";
import { buildResult, type ReportInput } from "./report.ts";
import { syncResultSchema, validateAgainst } from "./schema/index.ts";
import type { OpenVerdict, RefVerdict } from "./transfer/outcome.ts";
import { id, policyOf, ref } from "./testing/values.ts";

const base = { kind: "branch", code: "the-code", reason: "the reason" } as const;
const planned: readonly PlannedRef[] = [
  { ...base, action: "create", targetRef: ref("new"), sourceRef: ref("new"), newId: id(1) },
  {
    ...base,
    action: "update",
    targetRef: ref("up"),
    sourceRef: ref("from"),
    oldId: id(2),
    newId: id(3),
    destructive: false,
  },
  { ...base, action: "delete", targetRef: ref("old"), oldId: id(4), clearsTheWay: false },
  { ...base, action: "block", targetRef: ref("bad"), sourceRef: ref("bad"), oldId: id(6), newId: id(7) },
];

const current: CurrentRefs = new Set([{ source: ref("same"), target: ref("same"), id: id(5) }]);

function input(changes: Partial<ReportInput> & { readonly all?: RefVerdict } = {}): ReportInput {
  const { all, ...rest } = changes;
  return {
    planned,
    current,
    verdicts: new Map(
      all === undefined ? [] : [ref("new"), ref("up"), ref("old")].map((name) => [name, all]),
    ),
    leftovers: new Map(),
    appliedBefore: new Map(),
    policy: policyOf(),
    dryRun: false,
    includeUnchanged: false,
    protocol: "v2",
    sourceHead: ref("new"),
    targetIsEmpty: false,
    transfer: { mode: "relay", reason: "objects-missing", missing: [] },
    requestsPlanned: 1,
    requestsDone: 1,
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
    ...rest,
  };
}

const refused: OpenVerdict = { outcome: "refused", code: "hook-declined", reason: "hook declined" };

describe("buildResult()", () => {
  test.for([
    [
      "a plan",
      { dryRun: true },
      ["create planned", "update planned", "delete planned", "block not-attempted"],
      {},
    ],
    [
      "all applied",
      { all: { outcome: "applied" } },
      ["create applied", "update applied", "delete applied", "block not-attempted"],
      { applied: 2, deleted: 1 },
    ],
    [
      "all refused",
      { all: refused },
      ["create refused", "update refused", "delete refused", "block not-attempted"],
      { refused: 3 },
    ],
    [
      "all refused, best effort",
      { all: refused, policy: policyOf({ bestEffort: true }) },
      ["warn refused", "warn refused", "warn refused", "warn not-attempted"],
      { refused: 3, warned: 4, blocked: 0 },
    ],
    [
      "all unknown",
      { all: { outcome: "unknown", reason: "x" } },
      ["create unknown", "update unknown", "delete unknown", "block not-attempted"],
      { unknown: 3 },
    ],
    [
      "all lost",
      { all: { outcome: "lease-lost" } },
      ["create lease-lost", "update lease-lost", "delete lease-lost", "block not-attempted"],
      {},
    ],
    [
      "nothing reached",
      {},
      ["create not-attempted", "update not-attempted", "delete not-attempted", "block not-attempted"],
      {},
    ],
  ] as const)("reports %s", ([, changes, expected, counts]) => {
    const result = buildResult(input(changes));
    expect(result.refs.map((each) => `${each.action} ${each.outcome}`)).toEqual(expected);
    expect(result.counts).toEqual({
      applied: 0,
      skipped: 1,
      blocked: 1,
      deleted: 0,
      warned: 0,
      refused: 0,
      unknown: 0,
      ...counts,
    });
    expect(result.execution.converged).toBe(false);
    expect(validateAgainst(syncResultSchema, JSON.parse(JSON.stringify(result)))).toEqual([]);
  });

  test("gives both values and names, and empty text for what is not there", () => {
    const [made, moved, gone] = buildResult(input({ all: { outcome: "applied" } })).refs;
    expect(made).toMatchObject({
      branch: "new",
      sourceRef: "refs/heads/new",
      targetRef: "refs/heads/new",
      sourceHash: id(1),
      targetHash: "",
    });
    expect(moved).toMatchObject({
      branch: "up",
      sourceRef: "refs/heads/from",
      targetRef: "refs/heads/up",
      sourceHash: id(3),
      targetHash: id(2),
    });
    expect(gone).toMatchObject({
      branch: "old",
      sourceRef: "",
      targetRef: "refs/heads/old",
      sourceHash: "",
      targetHash: id(4),
    });
  });

  test("lists what is unchanged only when asked and counts it always", () => {
    const all = buildResult(input({ includeUnchanged: true }));
    expect(all.refs.map(({ branch, outcome }) => `${branch} ${outcome}`)).toContain("same unchanged");
    expect(all.refs).toHaveLength(5);
    expect(all.counts.skipped).toBe(1);
    const changed = buildResult(input());
    expect(changed.refs).toHaveLength(4);
    expect(changed.counts).toEqual(all.counts);
  });

  test("keeps what an earlier round of the run applied", () => {
    const first = buildResult(input({ all: { outcome: "applied" } })).refs;
    const before = new Map(
      first.filter((each) => each.outcome === "applied").map((each) => [ref(each.targetRef), each]),
    );
    const now: readonly PlannedRef[] = [
      {
        ...base,
        action: "update",
        targetRef: ref("up"),
        sourceRef: ref("from"),
        oldId: id(8),
        newId: id(9),
        destructive: false,
      },
    ];
    const result = buildResult(
      input({
        planned: now,
        current: new Set([
          { source: ref("new"), target: ref("new"), id: id(1) },
          { source: ref("same"), target: ref("same"), id: id(5) },
        ]),
        appliedBefore: before,
        verdicts: new Map([[ref("up"), { outcome: "applied" }]]),
      }),
    );
    expect(
      result.refs.map(
        (each) => `${each.branch} ${each.action} ${each.outcome} ${each.targetHash.slice(0, 8)}`,
      ),
    ).toEqual([
      "new create applied ",
      `up update applied ${id(8).slice(0, 8)}`,
      `old delete applied ${id(4).slice(0, 8)}`,
    ]);
    expect(result.counts).toMatchObject({ applied: 2, deleted: 1, skipped: 1 });
    expect(result.execution.converged).toBe(true);
  });

  test("is converged when every ref is equal now, and a plan only when there is nothing to do", () => {
    const done = planned.filter((each) => each.action !== "block");
    expect(buildResult(input({ planned: done, all: { outcome: "applied" } })).execution.converged).toBe(true);
    expect(buildResult(input({ planned: done, dryRun: true })).execution.converged).toBe(false);
    expect(buildResult(input({ planned: [], dryRun: true })).execution.converged).toBe(true);
  });

  test("gives the remedy of a refusal", () => {
    const [made] = buildResult(input({ all: refused })).refs;
    expect(made).toMatchObject({
      code: "hook-declined",
      reason: expect.stringMatching(/^hook declined; \S/u),
    });
    const lines: RefVerdict = { ...refused, reason: "hook declined (no\n  not this\none)" };
    const [told] = buildResult(input({ all: lines })).refs;
    expect(told?.reason).toMatch(/^hook declined \(no \| not this \| one\); \S/u);
  });

  test("names the first ref of our own that stayed, and is converged all the same", () => {
    const left = new Map<RefName, OpenVerdict>([
      [ref("first"), refused],
      [ref("second"), { outcome: "unknown", reason: "cut" }],
    ]);
    const done = planned.filter((each) => each.action !== "block");
    const { execution } = buildResult(input({ planned: done, all: { outcome: "applied" }, leftovers: left }));
    expect(execution).toMatchObject({
      converged: true,
      leftovers: { count: 2, targetRef: "refs/heads/first", code: "hook-declined" },
    });
    expect(buildResult(input()).execution).not.toHaveProperty("leftovers");
  });
});
