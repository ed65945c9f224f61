import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ObjectId, RefName } from "@gitsync/protocol";
import { desiredOf, id, listed, policyOf, ref, refs } from "../testing/values.ts";
import { ancestryKey, type AncestryFact } from "./ancestry-facts.ts";
import { differenceOf } from "./difference.ts";
import { currentRef, inPlanOrder, planRefs, type PlanInput, type PlannedRef } from "./plan.ts";
import { RefNamespace } from "./directory-file.ts";

type Entries = Readonly<Record<string, number>>;

interface Case extends Partial<Omit<PlanInput, "difference" | "policy" | "ancestry">> {
  readonly source?: Entries;
  readonly target?: Entries;
  readonly policy?: Parameters<typeof policyOf>[0];
  /** For every pair of ids. */
  readonly fact?: AncestryFact;
}

/** What is planned, and what is as it should be. */
function plan({ source = {}, target = {}, policy, fact, ...rest }: Case): readonly PlannedRef[] {
  const desired = desiredOf(source);
  const difference = differenceOf(desired, listed(refs(target)));
  const ancestry = new Map<string, AncestryFact>();
  for (const { oldId, id: newId } of difference.changed) {
    if (oldId !== undefined && fact !== undefined) ancestry.set(ancestryKey({ oldId, newId }), fact);
  }
  const planned = planRefs({
    difference,
    policy: policyOf(policy),
    ancestry,
    mayPrune: () => true,
    sourceIsEmpty: desired.size === 0,
    sourceHead: undefined,
    targetHead: undefined,
    canDelete: true,
    approvedPlan: undefined,
    ...rest,
  });
  return inPlanOrder([...planned, ...Array.from(difference.current, currentRef)], rest.sourceHead);
}

const lines = (planned: readonly PlannedRef[]): readonly string[] =>
  planned.map(({ targetRef, action, code }) => `${targetRef.replace("refs/heads/", "")} ${action} ${code}`);

describe("planRefs() decides one ref", () => {
  const moved = { source: { main: 2 }, target: { main: 1 } };
  const tag = { source: { "refs/tags/v1": 2 }, target: { "refs/tags/v1": 1 } };
  const notes = { source: { "refs/notes/commits": 2 }, target: { "refs/notes/commits": 1 } };
  test.for([
    ["the target lacks it", { source: { main: 1 } }, "create create"],
    ["it is equal", { source: { main: 1 }, target: { main: 1 } }, "skip already-current"],
    ["it moved forward", { ...moved, fact: "fast-forward" }, "update fast-forward"],
    ["it diverged", { ...moved, fact: "diverged" }, "block not-fast-forward"],
    ["nobody could tell", { ...moved, fact: "unproven" }, "block ancestry-unproven"],
    ["nobody was asked", moved, "block ancestry-unproven"],
    ["force and diverged", { ...moved, fact: "diverged", policy: { force: true } }, "update forced"],
    ["force and forward", { ...moved, fact: "fast-forward", policy: { force: true } }, "update fast-forward"],
    ["a tag moved", tag, "block tag-moved"],
    ["a tag moved forward", { ...tag, fact: "fast-forward" }, "block tag-moved"],
    ["a tag moved, force", { ...tag, policy: { force: true } }, "update forced"],
    ["notes moved forward", { ...notes, fact: "fast-forward" }, "update fast-forward"],
    ["notes diverged", { ...notes, fact: "diverged" }, "block not-fast-forward"],
    ["replicate, unproven", { ...moved, policy: { mode: "replicate" } }, "update replicate-overwrite"],
    ["replicate, a tag", { ...tag, policy: { mode: "replicate" } }, "update replicate-overwrite"],
    [
      "replicate, equal",
      { source: { main: 1 }, target: { main: 1 }, policy: { mode: "replicate" } },
      "skip already-current",
    ],
    [
      "replicate, archive",
      { ...moved, policy: { mode: "replicate", destructive: "archive" } },
      "update replicate-overwrite",
    ],
    [
      "replicate, block, unproven",
      { ...moved, policy: { mode: "replicate", destructive: "block" } },
      "block ancestry-unproven",
    ],
    [
      "replicate, block, diverged",
      { ...moved, fact: "diverged", policy: { mode: "replicate", destructive: "block" } },
      "block destructive-blocked",
    ],
    [
      "replicate, block, forward",
      { ...moved, fact: "fast-forward", policy: { mode: "replicate", destructive: "block" } },
      "update fast-forward",
    ],
    [
      "force, block",
      { ...moved, fact: "diverged", policy: { force: true, destructive: "block" } },
      "block destructive-blocked",
    ],
    [
      "the source lacks it, no prune",
      { source: { x: 1 }, target: { x: 1, gone: 2 } },
      "skip already-current",
    ],
  ] as const satisfies readonly (readonly [string, Case, string])[])("when %s: %o", ([, input, expected]) => {
    const [first, ...others] = plan(input);
    expect(others).toEqual([]);
    expect(`${first?.action} ${first?.code}`).toBe(expected);
  });

  test("says which update loses something", () => {
    const destructive = (input: Case): unknown =>
      plan(input).map((each) => "destructive" in each && each.destructive);
    expect(destructive({ ...moved, fact: "fast-forward" })).toEqual([false]);
    expect(destructive({ ...moved, fact: "diverged", policy: { force: true } })).toEqual([true]);
    expect(destructive({ ...moved, policy: { mode: "replicate" } })).toEqual([true]);
  });

  /** What is planned for a branch that gets another name. */
  function planRenamed(target: string): PlannedRef | undefined {
    const renamed = { source: ref("main"), target: `refs/heads/${target}` as RefName, id: id(1) };
    const [planned] = planRefs({
      difference: differenceOf(
        { ...desiredOf({}), renamed: new Map([[renamed.target, renamed]]) },
        listed(new Map()),
      ),
      policy: policyOf(),
      ancestry: new Map(),
      mayPrune: () => false,
      sourceIsEmpty: false,
      sourceHead: undefined,
      targetHead: undefined,
      canDelete: true,
      approvedPlan: undefined,
    });
    return planned;
  }

  test("a mapped ref carries both names", () => {
    const names = { sourceRef: "refs/heads/main", targetRef: "refs/heads/up" };
    expect(planRenamed("up")).toMatchObject({ ...names, action: "create" });
  });

  test("a name that git does not take blocks the ref that would get it, and no other", () => {
    expect(planRenamed("main.lock")).toMatchObject({ action: "block", code: "invalid-name" });
  });
});

describe("planRefs() deletes with prune", () => {
  const gone: Case = { source: { main: 1 }, target: { main: 1, old: 2 }, policy: { prune: true } };
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`b${n}`, n + 1]));
  const few = (count: number): Entries => Object.fromEntries(Object.entries(many).slice(0, count));
  test.for([
    ["what the source lacks", gone, ["main skip already-current", "old delete source-ref-gone"]],
    ["nothing outside the scope", { ...gone, mayPrune: () => false }, ["main skip already-current"]],
    [
      "nothing when the source is empty",
      { ...gone, source: {} },
      ["main block source-empty", "old block source-empty"],
    ],
    [
      "nothing when nothing was shown",
      { ...gone, sourceIsEmpty: true },
      ["main skip already-current", "old block source-empty"],
    ],
    [
      "nothing that the target does not take",
      { ...gone, canDelete: false },
      ["main skip already-current", "old block deletes-unsupported"],
    ],
    [
      "nothing when losses are forbidden",
      { ...gone, policy: { prune: true, destructive: "block" } },
      ["main skip already-current", "old block destructive-blocked"],
    ],
    [
      "with archive as without",
      { ...gone, policy: { prune: true, destructive: "archive" } },
      ["main skip already-current", "old delete source-ref-gone"],
    ],
    [
      "not the target's default branch",
      { ...gone, targetHead: ref("old") },
      ["main skip already-current", "old block default-branch"],
    ],
  ] as const satisfies readonly (readonly [string, Case, readonly string[]])[])(
    "%s",
    ([, input, expected]) => {
      expect(lines(plan(input))).toEqual(expected);
    },
  );

  test.for([
    ["above both limits", 9, { count: 10, percent: 5 }, "mass-delete"],
    ["at the count", 10, { count: 10, percent: 5 }, "source-ref-gone"],
    ["at the percentage", 9, { count: 1, percent: 55 }, "source-ref-gone"],
    ["above the count only", 10, { count: 1, percent: 50 }, "source-ref-gone"],
    ["with no leave at all", 19, { count: 0, percent: 0 }, "mass-delete"],
  ] as const)("many refs %s", ([, kept, maxDeletes, code]) => {
    const deletes = plan({ source: few(kept), target: many, policy: { prune: true, maxDeletes } }).filter(
      ({ targetRef }) => !(targetRef.replace("refs/heads/", "") in few(kept)),
    );
    expect(deletes).toHaveLength(20 - kept);
    expect(new Set(deletes.map((each) => each.code))).toEqual(new Set([code]));
  });
});

describe("planRefs() finds names that cannot stand side by side", () => {
  test.for([
    [
      "with a ref of the target",
      { source: { "a/b": 1 }, target: { a: 2 } },
      ["a/b block directory-file-conflict"],
    ],
    [
      "below a name of the target",
      { source: { a: 1 }, target: { "a/b": 2 } },
      ["a block directory-file-conflict"],
    ],
    ["deeper down", { source: { a: 1 }, target: { "a/b/c": 2 } }, ["a block directory-file-conflict"]],
    [
      "within the plan: the first stays",
      { source: { a: 1, "a/b": 1 } },
      ["a create create", "a/b block directory-file-conflict"],
    ],
    [
      "not by a common beginning",
      { source: { "a-b": 1, "a/b": 1 }, target: { "a.b": 2 } },
      ["a-b create create", "a/b create create"],
    ],
    [
      "and lets a delete make room",
      { source: { "a/b": 1 }, target: { a: 2 }, policy: { prune: true } },
      ["a/b create create", "a delete source-ref-gone"],
    ],
    [
      "but not a blocked delete",
      { source: { "a/b": 1 }, target: { a: 2 }, policy: { prune: true }, targetHead: ref("a") },
      ["a block default-branch", "a/b block directory-file-conflict"],
    ],
  ] as const satisfies readonly (readonly [string, Case, readonly string[]])[])(
    "%s",
    ([, input, expected]) => {
      expect(lines(plan(input))).toEqual(expected);
    },
  );

  test("marks only the deletes that make room", () => {
    const planned = plan({ source: { "a/b": 1 }, target: { a: 2, old: 3 }, policy: { prune: true } });
    expect(
      planned.flatMap((each) => (each.action === "delete" ? [[each.targetRef, each.clearsTheWay]] : [])),
    ).toEqual([
      ["refs/heads/a", true],
      ["refs/heads/old", false],
    ]);
  });

  test("agrees with comparing every pair", () => {
    const name = fc
      .array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 4 })
      .map((parts) => ref(parts.join("/")));
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 12 }), fc.nat(12), name, (names, split, asked) => {
        const expected = new Set(
          names.filter((each) => each.startsWith(`${asked}/`) || asked.startsWith(`${each}/`)),
        );
        const table = listed(new Map(names.slice(split).map((each) => [each, id(1)])));
        const found = new RefNamespace(table, names.slice(0, split)).conflictsOf(asked);
        expect(new Set(found)).toEqual(expected);
        expect(found).toHaveLength(expected.size);
      }),
    );
  });
});

describe("planRefs() orders", () => {
  test("HEAD's branch first, then by name, deletes last", () => {
    const planned = plan({
      source: { zeta: 1, alpha: 1, trunk: 1 },
      target: { aaa: 2 },
      policy: { prune: true },
      sourceHead: ref("trunk"),
    });
    expect(lines(planned)).toEqual([
      "trunk create create",
      "alpha create create",
      "zeta create create",
      "aaa delete source-ref-gone",
    ]);
  });
});

describe("planRefs() whatever both sides list", () => {
  const names = fc.constantFrom(
    "a",
    "a/b",
    "b",
    "c",
    "c/d/e",
    "refs/tags/v1",
    "refs/tags/a",
    "refs/notes/n",
    "refs/x/y",
  );
  const side = fc.dictionary(names, fc.integer({ min: 1, max: 4 }), { maxKeys: 9, noNullPrototype: true });
  const cases = fc.record({
    source: side,
    target: side,
    policy: fc.record({
      mode: fc.constantFrom("sync" as const, "replicate" as const),
      force: fc.boolean(),
      prune: fc.boolean(),
      destructive: fc.constantFrom("allow" as const, "archive" as const, "block" as const),
      maxDeletes: fc.record({
        count: fc.integer({ min: 0, max: 3 }),
        percent: fc.integer({ min: 0, max: 100 }),
      }),
    }),
    fact: fc.constantFrom("fast-forward" as const, "diverged" as const, "unproven" as const),
    canDelete: fc.boolean(),
    targetHead: fc.option(names.map(ref), { nil: undefined }),
    sourceHead: fc.option(names.map(ref), { nil: undefined }),
  });
  const everyPlan = (check: (input: Case, planned: readonly PlannedRef[]) => void): void =>
    fc.assert(
      fc.property(cases, (input) => {
        check(input, plan(input));
      }),
      { numRuns: 400 },
    );
  const isTag = (name: RefName): boolean => name.startsWith("refs/tags/");

  test("plans one command at most for each ref", () => {
    everyPlan((_, planned) =>
      expect(new Set(planned.map((each) => each.targetRef)).size).toBe(planned.length),
    );
  });

  test("never deletes outside the scope, nor anything the source has, nor the default branch", () => {
    fc.assert(
      fc.property(cases, (input) => {
        for (const each of plan({ ...input, mayPrune: isTag })) {
          if (each.action !== "delete") continue;
          expect(isTag(each.targetRef)).toBe(true);
          expect(refs(input.source).has(each.targetRef)).toBe(false);
          expect(each.targetRef).not.toBe(input.targetHead);
        }
      }),
    );
  });

  test("never deletes when the source shows nothing or prune is off", () => {
    everyPlan((input) => {
      const deletes = (changes: Case): unknown =>
        plan({ ...input, ...changes }).filter((each) => each.action === "delete");
      expect(deletes({ sourceIsEmpty: true })).toEqual([]);
      expect(deletes({ policy: { ...input.policy, prune: false } })).toEqual([]);
    });
  });

  test("replicate blocks no update unless losses are forbidden", () => {
    everyPlan((input) => {
      const planned = plan({
        ...input,
        policy: { ...input.policy, mode: "replicate", destructive: "allow" },
      });
      const source = refs(input.source ?? {});
      const target = refs(input.target ?? {});
      const updates = planned.filter(({ targetRef }) => source.has(targetRef) && target.has(targetRef));
      expect(updates.filter((each) => each.action === "block")).toEqual([]);
    });
  });

  test("carried out, makes every ref that is not blocked equal, and leaves every other as it is", () => {
    everyPlan((input, planned) => {
      const source = refs(input.source ?? {});
      const before = refs(input.target ?? {});
      const after = new Map<RefName, ObjectId>(before);
      for (const each of planned) {
        if (each.action === "delete") after.delete(each.targetRef);
        if (each.action === "create" || each.action === "update") after.set(each.targetRef, each.newId);
      }
      const touched = new Map(planned.map((each) => [each.targetRef, each.action]));
      for (const name of new Set([...source.keys(), ...before.keys()])) {
        const action = touched.get(name);
        const isUntouched = action === undefined || action === "block";
        expect(after.get(name)).toBe(isUntouched ? before.get(name) : source.get(name));
      }
      // What git could not store is never planned.
      const created = planned.filter((each) => each.action === "create").map((each) => each.targetRef);
      const namespace = new RefNamespace(listed(after), []);
      for (const name of created) expect(namespace.conflictsOf(name)).toEqual([]);
    });
  });
});
