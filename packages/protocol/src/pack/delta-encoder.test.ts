import fc from "fast-check";
import { describe, test } from "vitest";
import { concat } from "../testing/bytes.ts";
import { applyDelta } from "./delta.ts";
import { DeltaBase, encodeDelta } from "./delta-encoder.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const lines = (from: number, to: number): Uint8Array =>
  text(Array.from({ length: to - from }, (_, index) => `This is line ${from + index}\n`).join(""));

/** A target made of parts of the base, in any order, and of other bytes. */
const pair = fc
  .tuple(fc.uint8Array({ maxLength: 700 }), fc.uint8Array({ maxLength: 300 }))
  .chain(([base, other]) =>
    fc
      .array(
        fc.record({
          fromBase: fc.boolean(),
          start: fc.nat({ max: 700 }),
          length: fc.nat({ max: 400 }),
        }),
        { maxLength: 8 },
      )
      .map((parts) => {
        const pieces = parts.map(({ fromBase, start, length }) =>
          (fromBase ? base : other).subarray(start, start + length),
        );
        return { base, target: concat(...pieces) };
      }),
  );

describe("encodeDelta()", () => {
  test("makes the target of the base, whatever both are", ({ expect }) => {
    fc.assert(
      fc.property(pair, ({ base, target }) => {
        const delta = encodeDelta(base, target);
        expect(applyDelta(base, delta, target.length)).toEqual(target);
        // What git would refuse: an insert of nothing.
        expect(delta.length).toBeLessThanOrEqual(target.length + Math.ceil(target.length / 127) + 16);
      }),
      { numRuns: 500 },
    );
  });

  test("is short where there is much in common, wherever it lies", ({ expect }) => {
    const base = lines(0, 5000);
    for (const target of [
      base,
      concat(lines(0, 2000), text("changed\n"), lines(2001, 5000)),
      concat(text("x"), base),
      concat(lines(4000, 5000), lines(0, 4000)),
      lines(17, 4900),
    ]) {
      const delta = encodeDelta(base, target);
      expect(applyDelta(base, delta, target.length)).toEqual(target);
      expect(delta.length).toBeLessThan(80);
    }
  });

  test("copies beyond 64 KiB, and from beyond 16 MiB", ({ expect }) => {
    const noise = text(
      Array.from({ length: 9000 }, (_, index) => `${Math.imul(index, 0x9e37_79b1) >>> 0}`).join(" "),
    );
    const base = concat(new Uint8Array(17 * 2 ** 20), noise);
    const delta = encodeDelta(base, noise);
    expect(applyDelta(base, delta, noise.length)).toEqual(noise);
    expect(delta.length).toBeLessThan(40);
  });

  test("takes no longer for bytes that are all alike", ({ expect }) => {
    const base = new Uint8Array(2 ** 20);
    const target = new Uint8Array(2 ** 20);
    for (let at = 15; at < target.length; at += 16) target[at] = 1;
    const delta = encodeDelta(base, target);
    expect(applyDelta(base, delta, target.length)).toEqual(target);
  });

  test("gives up on a delta that does not pay", ({ expect }) => {
    const base = new DeltaBase(lines(0, 100));
    const target = concat(lines(0, 50), text("something else entirely, of some length\n"));
    const delta = base.encode(target);
    expect(delta).toBeDefined();
    const length = delta?.length ?? 0;
    expect(base.encode(target, length)).toEqual(delta);
    expect(base.encode(target, length - 1)).toBeUndefined();
  });
});
