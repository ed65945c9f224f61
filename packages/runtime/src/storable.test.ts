import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { storableText, wholeMs } from "./storable.ts";

describe("wholeMs()", () => {
  test.for([
    [1.9, 1],
    [0, 0],
    [-5, 0],
    [Number.NaN, 0],
    [Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER],
    [1e300, Number.MAX_SAFE_INTEGER],
  ] as const)("makes %d whole: %d", ([given, whole]) => {
    expect(wholeMs(given)).toBe(whole);
  });
});

describe("storableText()", () => {
  test.for([
    ["a\0b", "a\uFFFDb"],
    ["\uD800x", "\uFFFDx"],
    ["x\uDC00", "x\uFFFD"],
    ["😀", "😀"],
  ] as const)("cleans %j", ([given, stored]) => {
    expect(storableText(given)).toBe(stored);
  });

  test("marks the cut and never splits a character", () => {
    expect(storableText("abcdef", 4)).toBe("abc…");
    expect(storableText("a😀bcd", 3)).toBe("a…");
  });

  test("gives well-formed text within its limit for anything", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(40), (text, max) => {
        const stored = storableText(text, max);
        expect(stored.length).toBeLessThanOrEqual(max);
        expect(stored.isWellFormed() && !stored.includes("\0")).toBe(true);
      }),
    );
  });
});
