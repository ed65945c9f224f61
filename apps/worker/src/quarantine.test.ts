import { describe, expect, test } from "vitest";
import type { RefResult } from "@gitsync/engine";
import { heldBackRefs, quarantineAfter } from "./quarantine.ts";

const DAY = 24 * 60 * 60 * 1000;
const NOW = 1_790_000_000_000;

function refOf(facts: Partial<RefResult>): RefResult {
  return {
    branch: "x",
    sourceRef: "refs/heads/x",
    targetRef: "refs/heads/x",
    sourceHash: "1",
    targetHash: "",
    kind: "branch",
    action: "warn",
    outcome: "refused",
    reason: "hook declined",
    code: "hook-declined",
    ...facts,
  };
}

const HELD = {
  targetRef: "refs/heads/x",
  sourceHash: "1",
  code: "hook-declined",
  reason: "hook declined",
  since: NOW - DAY / 2,
  until: NOW + DAY / 2,
};

describe("the quarantine", () => {
  test("takes a ref that a rule of the target refused, for a day", () => {
    expect(quarantineAfter([], [refOf({})], NOW)).toEqual([{ ...HELD, since: NOW, until: NOW + DAY }]);
  });

  test("takes nothing that was applied, or refused without a known rule", () => {
    const refs = [
      refOf({ outcome: "applied" }),
      refOf({ code: "refused-unknown" }),
      refOf({ code: "missing-objects" }),
      refOf({ outcome: "not-attempted", code: "not-fast-forward" }),
    ];
    expect(quarantineAfter([HELD], refs, NOW)).toEqual([]);
  });

  test("keeps what was left out, and forgets what is gone", () => {
    const left = refOf({ outcome: "not-attempted", code: "quarantined" });
    expect(quarantineAfter([HELD], [left], NOW)).toEqual([HELD]);
    expect(quarantineAfter([HELD], [], NOW)).toEqual([]);
  });

  test("remembers since when the same value is refused", () => {
    expect(quarantineAfter([HELD], [refOf({})], NOW)).toMatchObject([{ since: HELD.since }]);
    expect(quarantineAfter([HELD], [refOf({ sourceHash: "2" })], NOW)).toMatchObject([{ since: NOW }]);
  });

  test("holds a ref back until its day is over", () => {
    expect(heldBackRefs([HELD], NOW)).toEqual([
      { targetRef: "refs/heads/x", sourceHash: "1", reason: "hook declined" },
    ]);
    expect(heldBackRefs([HELD], HELD.until)).toEqual([]);
  });
});
