import { describe, expect, test } from "vitest";
import { REFUSALS, refusalOf, refusalWithCode } from "./refusal.ts";

const VECTORS = REFUSALS.flatMap(({ code, says }) =>
  says.map(([host, words]) => [code, host, words] as const),
);

describe("refusalOf()", () => {
  test.for(VECTORS)("reads %s where %s says %j", ([code, , words]) => {
    expect(refusalOf(words).code).toBe(code);
  });

  test("reads nothing into words that say nothing", () => {
    for (const words of ["", "no", "error: 1"]) expect(refusalOf(words).code).toBe("refused-unknown");
  });

  test("reads a long text in no time", () => {
    const start = performance.now();
    for (const piece of ["exceeds ", "GH013", "push rule ", "tag ", "'x", "a"])
      refusalOf(piece.repeat(2_000));
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});

describe("the table of refusals", () => {
  test("has each code once, with words of a host for every one", () => {
    expect(REFUSALS.filter(({ code }) => !/^[a-z]+(?:-[a-z]+)*$/u.test(code))).toEqual([]);
    expect(new Set(REFUSALS.map(({ code }) => code)).size).toBe(REFUSALS.length);
    expect(REFUSALS.filter(({ says }) => says.length === 0)).toEqual([]);
  });

  test("keeps the codes that programs match on", () => {
    expect(REFUSALS.map(({ code }) => code).toSorted()).toEqual([
      "archived",
      "checked-out",
      "default-branch",
      "deletion-denied",
      "directory-file-conflict",
      "file-too-large",
      "hidden-ref",
      "hook-declined",
      "invalid-name",
      "lfs-missing",
      "missing-objects",
      "no-space",
      "non-fast-forward-denied",
      "object-check-failed",
      "pack-too-large",
      "protected",
      "refused-unknown",
      "secret-scanning",
      "tag-exists",
      "workflow-scope",
      "workflow-timeout",
    ]);
  });

  test("has what it says on one line each", () => {
    for (const { meaning, remedy } of REFUSALS) {
      expect(`${meaning}${remedy}`).toMatch(/^[^\n|]+$/u);
      expect(remedy).not.toBe("");
    }
  });

  test("answers for a code that it lacks as for words that say nothing", () => {
    expect(refusalWithCode("protected").remedy).toContain("protected ref");
    expect(refusalWithCode("of-tomorrow").code).toBe("refused-unknown");
  });
});
