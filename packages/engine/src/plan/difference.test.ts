import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ObjectId, RefName } from "@gitsync/protocol";
import { id, listed, policyOf, ref, refs } from "../testing/values.ts";
import type { RefScope } from "../schema/index.ts";
import { desiredRefs, type DesiredRef } from "./desired.ts";
import { ancestryQuestions, differenceOf, type ChangedRef } from "./difference.ts";
import { resolveScope, type ResolvedScope } from "./scope.ts";

type Listing = ReadonlyMap<RefName, ObjectId>;

function scopeOf(scope: RefScope): ResolvedScope {
  const resolved = resolveScope(scope, true);
  if (!resolved.ok) throw new Error(`${resolved.field} ${resolved.message}`);
  return resolved.scope;
}

/** The same questions, answered with a map of every ref. */
function plainly(scope: ResolvedScope, source: Listing, target: Listing): unknown {
  const desired = new Map<RefName, DesiredRef>();
  for (const mapping of scope.mappings) {
    const oid = source.get(mapping.source);
    if (oid === undefined) return "refused";
    desired.set(mapping.target, { ...mapping, id: oid });
  }
  for (const [name, oid] of source) {
    const to = scope.targetOf(name);
    if (to === undefined) continue;
    if (desired.has(to)) return "refused";
    desired.set(to, { source: name, target: to, id: oid });
  }
  const [changed, current]: [ChangedRef[], DesiredRef[]] = [[], []];
  for (const each of desired.values()) {
    const oldId = target.get(each.target);
    if (oldId === each.id) current.push(each);
    else changed.push({ ...each, oldId });
  }
  const others = [...target.keys()].filter((name) => !desired.has(name));
  return {
    size: desired.size,
    changed: byTarget(changed),
    current: byTarget(current),
    others: others.toSorted(),
  };
}

function inColumns(scope: ResolvedScope, source: Listing, target: Listing): unknown {
  const outcome = desiredRefs(scope, listed(source));
  if (!outcome.ok) return "refused";
  const difference = differenceOf(outcome.desired, listed(target));
  const current = [...difference.current];
  expect(difference.current.size).toBe(current.length);
  expect([...difference.current]).toEqual(current);
  const others = [...difference.target.names()].filter((_, row) => !difference.isDesired(row));
  return {
    size: outcome.desired.size,
    changed: byTarget(difference.changed),
    current: byTarget(current),
    others: others.toSorted(),
  };
}

function byTarget<T extends DesiredRef>(found: readonly T[]): readonly T[] {
  return found.toSorted((a, b) => (a.target < b.target ? -1 : 1));
}

describe("differenceOf()", () => {
  const scopes = fc.constantFrom<RefScope>(
    {},
    { allRefs: true },
    { mappings: [{ source: "a", target: "b" }] },
    {
      mappings: [
        { source: "a", target: "up" },
        { source: "a", target: "b" },
      ],
    },
    { includeRefs: ["refs/heads/*:refs/heads/up/*"] },
    { includeRefs: ["refs/heads/a*", "refs/heads/*:refs/heads/up/*"] },
    { includeRefs: ["refs/heads/b:refs/heads/a", "refs/heads/*"] },
  );
  const names = fc.constantFrom("a", "a/b", "aa", "b", "up", "up/a", "up/b", "z", "refs/tags/a", "refs/x/y");
  const side = fc.dictionary(names, fc.integer({ min: 1, max: 3 }), { maxKeys: 10, noNullPrototype: true });

  test("finds what comparing maps finds, whatever is mapped or renamed", () => {
    fc.assert(
      fc.property(scopes, side, side, (rules, left, right) => {
        const [scope, source, target] = [scopeOf(rules), refs(left), refs(right)];
        expect(inColumns(scope, source, target)).toEqual(plainly(scope, source, target));
      }),
      { numRuns: 500 },
    );
  });

  test("finds the few that differ among many", () => {
    const many = (skip: number, moved: number): Listing =>
      new Map(
        Array.from({ length: 10_000 }, (_, n): [RefName, ObjectId] => [
          ref(`topic/n${String(n).padStart(5, "0")}`),
          id(n % moved === 0 ? n + 1 : 1),
        ]).filter((_, n) => n % skip !== 0),
      );
    const [source, target] = [many(4_097, 3_001), many(5_003, 2_999)];
    const found = inColumns(scopeOf({}), source, target);
    expect(found).toEqual(plainly(scopeOf({}), source, target));
    expect(found).toMatchObject({ changed: { length: 7 } });
  });
});

describe("ancestryQuestions()", () => {
  const source = { same: 1, moved: 2, twin: 2, new: 3, "refs/tags/v1": 5 };
  const target = { same: 1, moved: 1, twin: 1, gone: 4, "refs/tags/v1": 4 };
  const outcome = desiredRefs(scopeOf({}), listed(refs(source)));
  if (!outcome.ok) throw new Error(outcome.reason);
  const { changed } = differenceOf(outcome.desired, listed(refs(target)));

  test("asks once for each move of what is no tag", () => {
    expect(ancestryQuestions(changed, policyOf())).toEqual([{ oldId: id(1), newId: id(2) }]);
  });

  test("asks nothing where losing commits is allowed", () => {
    expect(ancestryQuestions(changed, policyOf({ mode: "replicate" }))).toEqual([]);
    const archive = policyOf({ mode: "replicate", destructive: "archive" });
    expect(ancestryQuestions(changed, archive)).toHaveLength(1);
  });
});
