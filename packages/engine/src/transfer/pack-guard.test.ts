import { describe, expect, test } from "vitest";
import { isSyncError } from "../errors.ts";
import { PackGuard } from "./pack-guard.ts";

describe("PackGuard", () => {
  const codeOf = (work: () => void): string => {
    try {
      work();
      return "taken";
    } catch (error) {
      return isSyncError(error) ? error.code : "untyped";
    }
  };

  test("asks once for the object count, as soon as it is known", () => {
    const asked: number[] = [];
    const guard = new PackGuard({ admits: (objects) => asked.push(objects) > 0, mostBytes: 1_000 });
    guard.check(4, undefined);
    guard.check(12, 7);
    guard.check(900, 7);
    expect([asked, guard.isDeclined, guard.facts]).toEqual([[7], false, { bytes: 900, objects: 7 }]);
  });

  test("gives up a pack of too many objects before any of it leaves", () => {
    const guard = new PackGuard({ admits: (objects) => objects < 7, mostBytes: 1_000 });
    expect(codeOf(() => guard.check(12, 7))).toBe("PACK_TOO_LARGE");
    expect([guard.isDeclined, guard.facts]).toEqual([true, { bytes: 12, objects: 7 }]);
  });

  test("gives up a pack that grows past its limit, and not one that just fits", () => {
    const guard = new PackGuard({ admits: () => true, mostBytes: 1_000 });
    expect(codeOf(() => guard.check(1_000, 1))).toBe("taken");
    expect(codeOf(() => guard.check(1_001, 1))).toBe("PACK_TOO_LARGE");
    expect(guard.isDeclined).toBe(true);
  });

  test("knows nothing of a pack that was not begun", () => {
    expect(new PackGuard({ admits: () => true, mostBytes: 1 }).facts).toBeUndefined();
  });
});
