import fc from "fast-check";
import { describe, test } from "vitest";
import type { AdvertisedRef } from "../advertisement.ts";
import { parseObjectId } from "../object-id.ts";
import { parseRefName } from "../ref-name.ts";
import { refName } from "../testing/arbitraries.ts";
import { selectRefs, wantsUnbornHead } from "./ref-selection.ts";

const oid = parseObjectId("a".repeat(40));
const ref = (name: string, more: Partial<AdvertisedRef> = {}): AdvertisedRef => ({
  name: parseRefName(name),
  oid,
  ...more,
});
const REFS = [
  ref("HEAD", { symrefTarget: parseRefName("refs/heads/a") }),
  ref("refs/heads/a"),
  ref("refs/heads/abc"),
  ref("refs/heads/b"),
  ref("refs/tags/v1", { peeled: oid }),
];
const names = (refs: readonly AdvertisedRef[]): string => refs.map(({ name }) => name).join(" ");

describe("selectRefs()", () => {
  test.for([
    [[], "HEAD refs/heads/a refs/heads/abc refs/heads/b refs/tags/v1"],
    [["refs/heads/a"], "refs/heads/a refs/heads/abc"],
    [["refs/heads/abc", "refs/heads/a", "refs/heads/a"], "refs/heads/a refs/heads/abc"],
    [["refs/tags/", "HEAD"], "HEAD refs/tags/v1"],
    [["refs/heads/c", "refs/x"], ""],
    [["", "refs/heads/b"], "HEAD refs/heads/a refs/heads/abc refs/heads/b refs/tags/v1"],
  ] as const)("takes prefixes %j, which are no path components", ([prefixes, expected], { expect }) => {
    expect(names(selectRefs(REFS, { prefixes }))).toBe(expected);
  });

  test("finds what comparing with each prefix finds", ({ expect }) => {
    const prefix = fc
      .tuple(refName, fc.integer({ min: 0, max: 20 }))
      .map(([name, end]) => name.slice(0, end));
    fc.assert(
      fc.property(fc.array(refName), fc.array(prefix, { minLength: 1 }), (list, prefixes) => {
        const refs = list.map((name) => ({ name, oid }));
        expect(selectRefs(refs, { prefixes })).toEqual(
          refs.filter(({ name }) => prefixes.some((candidate) => name.startsWith(candidate))),
        );
      }),
    );
  });

  test("takes tens of thousands of prefixes for none, as git does", ({ expect }) => {
    const prefixes = Array.from({ length: 65_536 }, (_, index) => `refs/x/${index}`);
    expect(selectRefs(REFS, { prefixes })).toHaveLength(REFS.length);
    expect(selectRefs(REFS, { prefixes: prefixes.slice(1) })).toEqual([]);
  });

  test("says no more about a ref than was asked", ({ expect }) => {
    expect(selectRefs(REFS, { prefixes: [] }).flatMap((entry) => Object.keys(entry).slice(2))).toEqual([]);
    expect(selectRefs(REFS, { prefixes: [], peel: true, symrefs: true })).toEqual(REFS);
  });
});

test.for([
  [{ unborn: true, symrefs: true, prefixes: [] }, true],
  [{ unborn: true, symrefs: true, prefixes: ["HEAD"] }, true],
  [{ unborn: true, symrefs: true, prefixes: ["refs/"] }, false],
  [{ unborn: true, prefixes: [] }, false],
  [{ symrefs: true, prefixes: [] }, false],
] as const)("%j asks for an unborn HEAD: %s", ([request, expected], { expect }) => {
  expect(wantsUnbornHead(request)).toBe(expected);
});
