import fc from "fast-check";
import { describe, test } from "vitest";
import { deflateAs, inflateFirst, STRATEGIES } from "../../fixtures/node-zlib.ts";
import { concat, wire } from "../testing/bytes.ts";
import { INFLATE_CORRUPT, INFLATE_TRUNCATED, INFLATE_WRONG_SIZE } from "./inflate-answer.ts";
import { ResumableInflater } from "./resumable-inflater.ts";
import { SmallInflater } from "./small-inflater.ts";

type Answer =
  | { readonly data: readonly number[]; readonly consumed: number }
  | "truncated"
  | "corrupt"
  | "wrong size";

const NAMES: Readonly<Record<number, "truncated" | "corrupt" | "wrong size">> = {
  [INFLATE_TRUNCATED]: "truncated",
  [INFLATE_CORRUPT]: "corrupt",
  [INFLATE_WRONG_SIZE]: "wrong size",
};

const small = new SmallInflater();
const resumable = new ResumableInflater();

/** Into the middle of guarded memory. */
function bySmall(stream: Uint8Array, size: number): Answer {
  const target = new Uint8Array(size + 20).fill(0xa5);
  const source = concat(wire("before"), stream);
  const answer = small.inflate(source, 6, source.length, target, 10, size);
  const guards = [...target.subarray(0, 10), ...target.subarray(10 + size)];
  if (guards.some((byte) => byte !== 0xa5)) throw new Error("wrote out of bounds");
  return answer < 0
    ? (NAMES[answer] ?? "corrupt")
    : { data: [...target.subarray(10, 10 + size)], consumed: answer };
}

function byPako(stream: Uint8Array, size: number, cuts: readonly number[]): Answer {
  const data: number[] = [];
  let consumed = 0;
  let answer: number = INFLATE_TRUNCATED;
  resumable.begin(size);
  for (let cut = 0; answer === INFLATE_TRUNCATED && consumed < stream.length; cut += 1) {
    const end = Math.min(stream.length, consumed + (cuts[cut % cuts.length] ?? 1));
    answer = resumable.feed(stream, consumed, end, (view) => data.push(...view));
    consumed += resumable.consumed;
  }
  return answer === 0 ? { data, consumed } : (NAMES[answer] ?? "corrupt");
}

/** Content of many kinds: noise, text of few letters, repetitions, and a skew that gives codes their longest words. */
const content: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 600 }),
  fc
    .array(fc.constantFrom(...wire("aab tree 100644\n\0")), { maxLength: 900 })
    .map((bytes) => Uint8Array.from(bytes)),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 80 }))
    .map(([unit, times]) => concat(...Array.from({ length: times }, () => unit))),
  fc.integer({ min: 8, max: 17 }).map((letters) => {
    const runs = Array.from({ length: letters }, (_, letter) =>
      new Uint8Array(2 ** Math.max(0, letter - 3)).fill(letter),
    );
    return concat(...runs);
  }),
);

const deflated: fc.Arbitrary<{ readonly bytes: Uint8Array; readonly stream: Uint8Array }> = fc
  .record({
    bytes: content,
    level: fc.integer({ min: 0, max: 9 }),
    windowBits: fc.integer({ min: 9, max: 15 }),
    strategy: fc.constantFrom(...STRATEGIES),
  })
  .map(({ bytes, ...options }) => ({ bytes, stream: deflateAs(bytes, options) }));

describe("inflating with our own code, and with pako across cuts", () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

  test("gives what zlib put in, and the length of its stream", ({ expect }) => {
    fc.assert(
      fc.property(deflated, fc.uint8Array({ maxLength: 9 }), cuts, ({ bytes, stream }, behind, at) => {
        const expected = { data: [...bytes], consumed: stream.length };
        const source = concat(stream, behind);
        expect(bySmall(source, bytes.length)).toEqual(expected);
        expect(byPako(source, bytes.length, at)).toEqual(expected);
      }),
      { numRuns: 400 },
    );
  });

  test("refuses what zlib refuses of damaged streams, and takes what it takes", ({ expect }) => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(deflated, damage, ({ bytes, stream }, changes) => {
        const damaged = stream.slice();
        for (const [at, value] of changes) damaged[at % damaged.length] = value;
        const expected = inflateFirst(damaged, bytes.length);
        const answer = bySmall(damaged, bytes.length);
        // Both refuse; a stream with several faults has no first one.
        if (expected === undefined || expected.data.length < bytes.length)
          expect(typeof answer).toBe("string");
        else expect(answer).toEqual({ data: [...expected.data], consumed: expected.consumed });
      }),
      { numRuns: 1500 },
    );
  });

  test("says of a cut stream that more is to come", ({ expect }) => {
    fc.assert(
      fc.property(deflated, fc.nat(), ({ bytes, stream }, cut) => {
        const length = cut % stream.length;
        expect(bySmall(stream.subarray(0, length), bytes.length)).toBe("truncated");
      }),
      { numRuns: 400 },
    );
  });

  test("tells a stream of another size", ({ expect }) => {
    fc.assert(
      fc.property(deflated, fc.integer({ min: 1, max: 30 }), cuts, ({ bytes, stream }, difference, at) => {
        const sizes = [
          bytes.length + difference,
          ...(bytes.length >= difference ? [bytes.length - difference] : []),
        ];
        for (const size of sizes) {
          expect(bySmall(stream, size)).toBe("wrong size");
          expect(byPako(stream, size, at)).toBe("wrong size");
        }
      }),
    );
  });

  test.for([
    ["no zlib header", "PACK", "corrupt"],
    ["a preset dictionary", "\u0078\u00bb\0\0\0\0", "corrupt"],
    ["a window beyond 32 KiB", "\u0088\u001c\u0003\0\0\0\0\u0001", "corrupt"],
    ["a block of the fourth kind", "\u0078\u009c\u0007\0\0\0\0\0", "corrupt"],
    ["a stored block with another length", "\u0078\u009c\u0001\u0001\0\u0001\0x\0\0\0\0", "corrupt"],
    ["one byte", "\u0078", "truncated"],
    ["nothing", "", "truncated"],
  ] as const)("%s is %s", ([, bytes, answer], { expect }) => {
    expect(bySmall(wire(bytes), 4)).toBe(answer);
    if (bytes.length > 0) expect(byPako(wire(bytes), 4, [1])).toBe(answer);
  });
});
