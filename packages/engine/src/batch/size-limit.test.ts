import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  announcedLimit,
  isTooManyObjects,
  limitAfterRefusal,
  limitAfterTaken,
  rememberedBytes,
  toldLimit,
  type SizeEvidence,
} from "./size-limit.ts";

const MIB = 1024 * 1024;

describe("announcedLimit()", () => {
  test.for([
    ["fatal: pack exceeds maximum allowed size (2.00 GiB)", 2_048 * MIB * 0.995],
    ["pack exceeds maximum allowed size (500.00 KiB)", 500 * 1024 * 0.995],
    ["body exceeded size limit 1048576", MIB],
    ["request body larger than 50 MB", 50 * MIB * 0.995],
    ["its size is greater than the 5120 MB limit for pushes", 5_120 * MIB * 0.995],
    ["exceeds the limit of 10m", 10 * MIB * 0.995],
  ] as const)("reads %s", ([words, bytes]) => {
    expect(announcedLimit(words)).toBe(Math.floor(bytes));
  });

  test.for([
    "pack exceeds maximum allowed size",
    "413 Request Entity Too Large",
    "file big.bin is 120.00 MB; this exceeds",
    "exceeds 3",
    "",
  ])("finds none in %j", (words) => {
    expect(announcedLimit(words)).toBeUndefined();
  });
});

const evidences: fc.Arbitrary<SizeEvidence> = fc.record({
  kind: fc.constantFrom("refused", "deadline", "suspected"),
  bytes: fc.integer({ min: 1, max: 2 ** 40 }),
  isStreamed: fc.boolean(),
  announcedBytes: fc.option(fc.integer({ min: 4_096, max: 2 ** 40 }), { nil: undefined }),
});

describe("limitAfterRefusal()", () => {
  test("never believes in more than before, and always aims below what was refused", () => {
    fc.assert(
      fc.property(fc.array(evidences, { minLength: 1, maxLength: 30 }), (all) => {
        let limit = limitAfterRefusal(undefined, all[0] ?? expect.unreachable());
        for (const evidence of all.slice(1)) {
          const next = limitAfterRefusal(limit, evidence);
          expect(next.mostBytes).toBeLessThanOrEqual(limit.mostBytes);
          expect(next.aimBytes).toBeLessThanOrEqual(next.mostBytes);
          limit = next;
        }
      }),
    );
  });

  test("reaches the smallest limit after few refusals of whatever size", () => {
    let limit = limitAfterRefusal(undefined, { kind: "refused", bytes: 2 ** 40, isStreamed: false });
    for (let n = 0; n < 60; n += 1)
      limit = limitAfterRefusal(limit, { kind: "refused", bytes: limit.aimBytes, isStreamed: false });
    expect(limit.aimBytes).toBe(4_096);
  });

  test("believes a figure that the target names, and says so", () => {
    const evidence = {
      kind: "refused",
      bytes: 90 * MIB,
      isStreamed: true,
      announcedBytes: 30 * MIB,
    } as const;
    expect(limitAfterRefusal(undefined, evidence)).toMatchObject({ basis: "met", mostBytes: 30 * MIB });
  });

  test("keeps a guess a guess until the target speaks", () => {
    const cut = { kind: "suspected", bytes: 90 * MIB, isStreamed: true } as const;
    const guess = limitAfterRefusal(undefined, cut);
    expect(guess.basis).toBe("inferred");
    expect(limitAfterRefusal(guess, { ...cut, kind: "refused" }).basis).toBe("met");
    expect(limitAfterRefusal(toldLimit(1e9, "configured"), cut).basis).toBe("configured");
  });

  test("is told to a later run so that it aims at the same size", () => {
    const limit = limitAfterRefusal(undefined, { kind: "suspected", bytes: 90 * MIB, isStreamed: true });
    expect(Math.abs(toldLimit(rememberedBytes(limit), "learned").aimBytes - limit.aimBytes)).toBeLessThan(2);
  });
});

test("limitAfterRefusal() learns nothing from what was too large for an earlier run already", () => {
  const learned = toldLimit(MIB, "learned");
  const refused = { kind: "refused", isStreamed: true } as const;
  expect(limitAfterRefusal(learned, { ...refused, bytes: 2 * MIB })).toBe(learned);
  expect(limitAfterRefusal(learned, { ...refused, bytes: MIB / 2 }).mostBytes).toBe(MIB / 2);
  expect(limitAfterRefusal(learned, { ...refused, bytes: 2 * MIB, announcedBytes: 9_000 }).mostBytes).toBe(
    9_000,
  );
});

test("limitAfterTaken() aims at what went through, and never lower than before", () => {
  const guess = limitAfterRefusal(undefined, { kind: "suspected", bytes: 80 * MIB, isStreamed: true });
  const after = limitAfterTaken(guess, 60 * MIB);
  expect(after).toEqual({ ...guess, aimBytes: Math.floor(60 * MIB * 0.65) });
  expect(limitAfterTaken(after, 1)).toBe(after);
  const told = toldLimit(MIB, "configured");
  expect(limitAfterTaken(told, 9 * MIB)).toBe(told);
  expect(limitAfterTaken(toldLimit(MIB, "learned"), 9 * MIB).mostBytes).toBe(9 * MIB);
});

test("isTooManyObjects() lets a pack pass that should fit, and no larger one", () => {
  const limit = toldLimit(750_000, "configured");
  expect([999, 1_000, 1_001].map((objects) => isTooManyObjects(limit, objects, 750))).toEqual([
    false,
    false,
    true,
  ]);
});
