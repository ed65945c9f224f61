import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RefName } from "@gitsync/protocol";
import type { RefScope } from "../schema/index.ts";
import { listed, ref, refs } from "../testing/values.ts";
import { desiredRefs, targetNameOf, type DesiredOutcome } from "./desired.ts";
import { parseRefPattern } from "./ref-pattern.ts";
import { resolveScope, type ResolvedScope } from "./scope.ts";

function scopeOf(scope: RefScope, includeTags = false): ResolvedScope {
  const resolved = resolveScope(scope, includeTags);
  if (!resolved.ok) throw new Error(`${resolved.field} ${resolved.message}`);
  return resolved.scope;
}

/** The target names that are desired: mapped and renamed ones first. */
function namesIn(outcome: DesiredOutcome): readonly RefName[] {
  if (!outcome.ok) throw new Error(outcome.reason);
  const { renamed, source, keeps, size } = outcome.desired;
  const names = [...renamed.keys(), ...[...source.names()].filter((_, row) => keeps[row] === 1)];
  expect(size).toBe(names.length);
  return names;
}

describe("resolveScope() manages", () => {
  const SOURCE = [
    "refs/heads/main",
    "refs/heads/tmp/x",
    "refs/tags/v1",
    "refs/notes/commits",
    "refs/pull/1/head",
    "refs/pullx/1",
    "refs/merge-requests/1/head",
    "refs/meta/config",
    "refs/gitsync/archive/20200101T000000Z/heads/main",
  ];
  test.for([
    ["branches by default", {}, false, ["refs/heads/main", "refs/heads/tmp/x"]],
    ["tags when asked", {}, true, ["refs/heads/main", "refs/heads/tmp/x", "refs/tags/v1"]],
    ["named branches, short or full", { branches: ["main", "refs/heads/none"] }, false, ["refs/heads/main"]],
    [
      "all refs but those of forges and our own",
      { allRefs: true },
      false,
      ["refs/heads/main", "refs/heads/tmp/x", "refs/tags/v1", "refs/notes/commits", "refs/pullx/1"],
    ],
    [
      "all refs, whatever branches say",
      { allRefs: true, branches: ["main"] },
      false,
      ["refs/heads/main", "refs/heads/tmp/x", "refs/tags/v1", "refs/notes/commits", "refs/pullx/1"],
    ],
    ["patterns and nothing else", { includeRefs: ["refs/tags/*"] }, false, ["refs/tags/v1"]],
    ["forge refs that a pattern names", { includeRefs: ["refs/pull/*"] }, false, ["refs/pull/1/head"]],
    ["never our own", { includeRefs: ["refs/gitsync/*", "refs/heads/main"] }, false, ["refs/heads/main"]],
    [
      "negative patterns take out",
      { includeRefs: ["refs/heads/*", "^refs/heads/tmp/*"] },
      false,
      ["refs/heads/main"],
    ],
    [
      "a name that ends where the star stands",
      { includeRefs: ["refs/heads/main*"] },
      false,
      ["refs/heads/main"],
    ],
    [
      "not such a name of a negative pattern",
      { includeRefs: ["refs/heads/*", "^refs/heads/main*"] },
      false,
      ["refs/heads/tmp/x"],
    ],
    ["negative patterns alone", { includeRefs: ["^refs/heads/tmp/*"] }, false, ["refs/heads/main"]],
    ["a plus has no meaning", { includeRefs: ["+refs/heads/main"] }, false, ["refs/heads/main"]],
    [
      "prefixes out, trimmed, blanks ignored",
      { allRefs: true, excludeRefPrefixes: [" refs/heads/ ", "", " "] },
      false,
      ["refs/tags/v1", "refs/notes/commits", "refs/pullx/1"],
    ],
    ["single refs out", { excludeRefs: [" refs/heads/main "] }, false, ["refs/heads/tmp/x"]],
  ] as const)("%s", ([, scope, includeTags, expected]) => {
    const { targetOf } = scopeOf(scope, includeTags);
    expect(SOURCE.map(ref).flatMap((name) => targetOf(name) ?? [])).toEqual(expected);
  });

  test("and renames by pattern, back and forth", () => {
    const { targetOf, mayPrune } = scopeOf({ includeRefs: ["refs/heads/*:refs/heads/up/*-x"] });
    expect(targetOf(ref("a/b"))).toBe("refs/heads/up/a/b-x");
    expect(mayPrune(ref("up/a/b-x"))).toBe(true);
    expect(mayPrune(ref("up/a/b"))).toBe(false);
    expect(mayPrune(ref("a"))).toBe(false);
  });

  test("mappings replace the discovery of branches, not that of tags", () => {
    const scope = scopeOf({ mappings: [{ source: "main", target: " up " }] }, true);
    expect(scope.mappings).toEqual([{ source: "refs/heads/main", target: "refs/heads/up" }]);
    expect(scope.targetOf(ref("main"))).toBeUndefined();
    expect(scope.targetOf(ref("refs/tags/v1"))).toBe("refs/tags/v1");
    expect(scope.sourcePrefixes).toEqual(["refs/heads/main", "refs/tags/"]);
  });

  test("a mapping wins over a discovered ref of its target's name, excludes or not", () => {
    const scope = scopeOf(
      { mappings: [{ source: "refs/tags/a", target: "refs/tags/b" }], excludeRefs: ["refs/tags/a"] },
      true,
    );
    expect(scope.targetOf(ref("refs/tags/b"))).toBeUndefined();
    expect(scope.mappings).toHaveLength(1);
  });
});

describe("resolveScope() lets prune", () => {
  test.for([
    ["branches of a whole mirror", {}, true, "refs/heads/x", true],
    ["tags when managed", {}, true, "refs/tags/x", true],
    ["no tags when not", {}, false, "refs/tags/x", false],
    ["no branch beside a filter", { branches: ["main"] }, true, "refs/heads/main", false],
    ["tags beside a filter", { branches: ["main"] }, true, "refs/tags/x", true],
    [
      "no branch beside mappings",
      { mappings: [{ source: "main", target: "up" }] },
      true,
      "refs/heads/up",
      false,
    ],
    ["others of all refs", { allRefs: true }, false, "refs/notes/x", true],
    ["no forge refs", { allRefs: true }, false, "refs/pull/1/head", false],
    ["none of our own", { allRefs: true }, false, "refs/gitsync/archive/x", false],
    ["nothing excluded", { excludeRefPrefixes: ["refs/heads/keep/"] }, false, "refs/heads/keep/x", false],
    [
      "nothing that a negative pattern takes out",
      { includeRefs: ["refs/heads/*", "^refs/heads/tmp/*"] },
      false,
      "refs/heads/tmp/x",
      false,
    ],
    [
      "no name that no source can have",
      { includeRefs: ["refs/heads/*:refs/heads/x*"] },
      false,
      "refs/heads/x",
      false,
    ],
    [
      "no name that only an overshadowed pattern gives",
      { includeRefs: ["refs/heads/*:refs/m/*", "refs/heads/x:refs/y/x"] },
      false,
      "refs/y/x",
      false,
    ],
  ] as const)("%s", ([, scope, includeTags, name, expected]) => {
    expect(scopeOf(scope, includeTags).mayPrune(ref(name))).toBe(expected);
  });

  test("just what the same scope would write", () => {
    const parts = ["a", "b", "ab"];
    const pairs = parts.flatMap((first) => parts.map((second) => `${first}/${second}`));
    const sources = [
      ...parts,
      ...pairs,
      ...pairs.flatMap((pair) => parts.map((third) => `${pair}/${third}`)),
    ];
    const patterns = fc.uniqueArray(
      fc.constantFrom(
        "refs/heads/*",
        "refs/heads/a/*:refs/heads/b/*",
        "refs/heads/*:refs/heads/a/*",
        "refs/heads/a:refs/heads/ab",
        "^refs/heads/ab/*",
      ),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(patterns, fc.constantFrom(...parts, ...pairs), (includeRefs, target) => {
        fc.pre(includeRefs.some((text) => !text.startsWith("^")));
        const scope = scopeOf({ includeRefs });
        const isWritten = sources.some((source) => scope.targetOf(ref(source)) === ref(target));
        expect(scope.mayPrune(ref(target))).toBe(isWritten);
      }),
    );
  });
});

describe("resolveScope() names the faulty field", () => {
  test.for([
    [{ branches: ["main", "a..b"] }, "scope.branches[1]"],
    [{ branches: [" "] }, "scope.branches[0]"],
    [{ includeRefs: ["refs/heads/*", "heads/*"] }, "scope.includeRefs[1]"],
    [{ includeRefs: ["refs/heads/*/*"] }, "scope.includeRefs[0]"],
    [{ includeRefs: ["refs/heads/*:refs/heads/x"] }, "scope.includeRefs[0]"],
    [{ includeRefs: ["refs/a:refs/b:refs/c"] }, "scope.includeRefs[0]"],
    [{ includeRefs: ["^refs/heads/a b"] }, "scope.includeRefs[0]"],
    [{ mappings: [{ source: "main", target: "refs/heads/up" }] }, "scope.mappings[0]"],
    [{ mappings: [{ source: "refs/heads/a", target: "refs/tags/a" }] }, "scope.mappings[0]"],
    [{ mappings: [{ source: "refs/x/a", target: "refs/x/b" }] }, "scope.mappings[0]"],
    [{ mappings: [{ source: "", target: "b" }] }, "scope.mappings[0]"],
    [
      {
        mappings: [
          { source: "a", target: "x" },
          { source: "b", target: "x" },
        ],
      },
      "scope.mappings[1]",
    ],
    [{ allRefs: true, mappings: [{ source: "refs/gitsync/a", target: "refs/x/b" }] }, "scope.mappings[0]"],
  ] as const)("of %j", ([scope, field]) => {
    expect(resolveScope(scope, false)).toMatchObject({ ok: false, field });
  });
});

describe("parseRefPattern()", () => {
  test("lets a star stand for nothing, as git, and no letter be matched twice", () => {
    const pattern = parseRefPattern("refs/heads/a*a");
    if (typeof pattern === "string") throw new Error(pattern);
    expect(pattern.toTarget(ref("aa"))).toBe("refs/heads/aa");
    expect(pattern.toTarget(ref("aba"))).toBe("refs/heads/aba");
    expect(pattern.toTarget(ref("a"))).toBeUndefined();
  });

  test("goes there and back", () => {
    const middle = fc.stringMatching(/^[a-z]{1,5}(\/[a-z]{1,5})?$/u);
    fc.assert(
      fc.property(middle, (text) => {
        const pattern = parseRefPattern("refs/heads/p-*:refs/x/*/q");
        if (typeof pattern === "string") throw new Error(pattern);
        const source = ref(`p-${text}`);
        const target = pattern.toTarget(source);
        expect(target).toBe(`refs/x/${text}/q`);
        if (target !== undefined) expect(pattern.toSource(target)).toBe(source);
      }),
    );
  });
});

describe("desiredRefs()", () => {
  test("gives mappings and discovered refs by target name", () => {
    const scope = scopeOf({ mappings: [{ source: "main", target: "up" }] }, true);
    const outcome = desiredRefs(scope, listed(refs({ main: 1, other: 2, "refs/tags/v1": 3 })));
    expect(namesIn(outcome)).toEqual(["refs/heads/up", "refs/tags/v1"]);
  });

  test.for([
    [
      "a mapped ref that is missing",
      { mappings: [{ source: "none", target: "up" }] },
      { reason: "missing", source: "refs/heads/none" },
    ],
    [
      "branches of which none exists",
      { branches: ["none", "neither"] },
      { reason: "missing", source: "refs/heads/none" },
    ],
    [
      "two refs that become one",
      { includeRefs: ["refs/heads/a:refs/heads/x", "refs/heads/b:refs/heads/x"] },
      { reason: "duplicate", target: "refs/heads/x", sources: ["refs/heads/a", "refs/heads/b"] },
    ],
    [
      "a ref that takes the name of one that keeps its own",
      { includeRefs: ["refs/heads/b", "refs/heads/main:refs/heads/b"] },
      { reason: "duplicate", target: "refs/heads/b", sources: ["refs/heads/b", "refs/heads/main"] },
    ],
  ] as const)("refuses %s", ([, scope, expected]) => {
    expect(desiredRefs(scopeOf(scope), listed(refs({ main: 1, a: 1, b: 1 })))).toMatchObject({
      ok: false,
      ...expected,
    });
  });

  test("tells which name a source ref gets", () => {
    const scope = scopeOf({ mappings: [{ source: "main", target: "up" }] }, true);
    const outcome = desiredRefs(scope, listed(refs({ main: 1, other: 2, "refs/tags/v1": 3 })));
    if (!outcome.ok) throw new Error(outcome.reason);
    const names = ["main", "other", "refs/tags/v1", "none"].map(ref);
    expect(names.map((name) => targetNameOf(outcome.desired, name))).toEqual([
      "refs/heads/up",
      undefined,
      "refs/tags/v1",
      undefined,
    ]);
  });

  test("leaves out a branch that is missing beside one that is there", () => {
    const outcome = desiredRefs(scopeOf({ branches: ["none", "main"] }), listed(refs({ main: 1 })));
    expect(namesIn(outcome)).toEqual(["refs/heads/main"]);
  });
});
