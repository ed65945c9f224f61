import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { id, listed, ref, refs } from "../testing/values.ts";
import type { RefTable } from "@gitsync/protocol";
import type { PlannedChange } from "../plan/plan.ts";
import { chooseHaves, chooseTransfer } from "./choose.ts";

const calm = { limitReason: undefined, hasLeftovers: false } as const;
const base = { kind: "branch", code: "x", reason: "x" } as const;
const create = (name: string, n: number): PlannedChange => ({
  ...base,
  action: "create",
  targetRef: ref(name),
  sourceRef: ref(name),
  newId: id(n),
});
const update = (name: string, from: number, to: number): PlannedChange => ({
  ...base,
  action: "update",
  targetRef: ref(name),
  sourceRef: ref(name),
  oldId: id(from),
  newId: id(to),
  destructive: false,
});
const remove = (name: string, n: number): PlannedChange => ({
  ...base,
  action: "delete",
  targetRef: ref(name),
  oldId: id(n),
  clearsTheWay: false,
});

describe("chooseTransfer()", () => {
  test.for([
    ["nothing changes", [], false, {}, [], "nothing", "already-converged"],
    ["all is blocked", [], true, { a: 1 }, [], "nothing", "all-blocked"],
    ["only deletes", [remove("a", 1)], false, { a: 1 }, [], "refs-only", "deletes-only"],
    ["another ref lists it", [create("b", 1)], false, { a: 1 }, [], "refs-only", "objects-present"],
    [
      "the ref that goes lists it",
      [create("b", 1), remove("a", 1)],
      false,
      { a: 1 },
      [],
      "refs-only",
      "objects-present",
    ],
    ["an alternate lists it", [create("b", 1)], false, {}, [1], "refs-only", "objects-present"],
    ["the target is empty", [create("a", 1)], false, {}, [], "relay", "target-empty"],
    ["an object is missing", [update("a", 1, 2)], false, { a: 1 }, [], "relay", "objects-missing"],
  ] as const)("when %s", ([, changes, hasBlocked, target, tips, mode, reason]) => {
    expect(
      chooseTransfer({
        ...calm,
        changes,
        hasBlocked,
        targetRefs: listed(refs(target)),
        targetTips: tips.map(id),
      }),
    ).toMatchObject({ mode, reason });
  });

  test.for([
    [
      "a limit is known",
      [create("a", 1)],
      {},
      { limitReason: "limit-configured" },
      "batched",
      "limit-configured",
    ],
    [
      "no pack is needed under a limit",
      [create("b", 1)],
      { a: 1 },
      { limitReason: "limit-learned" },
      "refs-only",
      "objects-present",
    ],
    [
      "only what an unfinished run left is there",
      [],
      { a: 1 },
      { hasLeftovers: true },
      "refs-only",
      "leftovers-only",
    ],
    ["the rest is blocked, too", [], {}, { hasLeftovers: true, hasBlocked: true }, "nothing", "all-blocked"],
  ] as const)("when %s", ([, changes, target, facts, mode, reason]) => {
    expect(
      chooseTransfer({
        ...calm,
        hasBlocked: false,
        ...facts,
        changes,
        targetRefs: listed(refs(target)),
        targetTips: [],
      }),
    ).toMatchObject({ mode, reason });
  });

  test("names each missing tip once", () => {
    const changes = [create("a", 1), create("b", 1), create("c", 2), create("d", 3)];
    const { missing } = chooseTransfer({
      ...calm,
      changes,
      hasBlocked: false,
      targetRefs: listed(refs({ x: 3 })),
      targetTips: [],
    });
    expect(missing).toEqual([id(1), id(2)]);
  });
});

describe("chooseHaves()", () => {
  const limits = { maxHaves: 10, sample: 4 };

  test("begins with the old values of what changes, then what both list", () => {
    const source = listed(refs({ a: 9, b: 2, other: 4 }));
    const target = listed(refs({ a: 1, aa: 3, b: 2, c: 4 }));
    expect(chooseHaves([update("a", 1, 9)], source, target, limits)).toEqual([1, 2, 4, 3].map(id));
  });

  test("offers of what both list no more than the limit, under whatever names", () => {
    const few = { maxHaves: 2, sample: 4 };
    const source = listed(refs({ a: 1, b: 2, c: 3, x: 4, y: 5 }));
    const target = listed(refs({ a: 9, b: 2, d: 1, e: 3, f: 4, only: 6 }));
    expect(chooseHaves([update("a", 9, 1)], source, target, few)).toEqual([9, 2, 1, 6].map(id));
  });

  test("offers nothing that the target has not listed, and no more than asked", () => {
    const ids = fc.integer({ min: 1, max: 60 });
    const targets = fc.uniqueArray(ids, { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(targets, fc.uniqueArray(ids, { maxLength: 50 }), (target, source) => {
        const sideOf = (ids: readonly number[]): RefTable =>
          listed(refs(Object.fromEntries(ids.map((n, index) => [`b${index}`, n]))));
        const first = target[0] ?? 1;
        const haves = chooseHaves([update("b0", first, 99)], sideOf(source), sideOf(target), limits);
        const values = new Set(target.map(id));
        expect(haves.every((each) => values.has(each))).toBe(true);
        expect(new Set(haves).size).toBe(haves.length);
        expect(haves[0]).toBe(id(first));
        expect(haves.length).toBeLessThanOrEqual(1 + limits.maxHaves + limits.sample);
        const shared = target.filter((n) => source.includes(n) && n !== first);
        const offered = shared.filter((n) => haves.includes(id(n)));
        expect(offered).toHaveLength(Math.min(shared.length, limits.maxHaves));
      }),
    );
  });
});
