import fc from "fast-check";
import { describe, test } from "vitest";
import { deflateAs, inflateFirst, STRATEGIES } from "../../fixtures/node-zlib.ts";
import { concat, wire } from "../testing/bytes.ts";
import { adler32 } from "./adler32.ts";
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

/** Bits of a number, low one first. */
function number(value: number, bits: number): readonly string[] {
  return Array.from({ length: bits }, (_, bit) => String((value >> bit) & 1));
}

/** Bits in bytes, low one first. */
function packed(bits: string): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  for (let bit = 0; bit < bits.length; bit += 1) {
    if (bits[bit] === "1") bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7));
  }
  return bytes;
}

function checksum(bytes: Uint8Array): Uint8Array {
  const target = new Uint8Array(4);
  new DataView(target.buffer).setUint32(0, adler32(bytes, 0, bytes.length));
  return target;
}

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

  test("copies nothing from before the first byte", ({ expect }) => {
    // A fixed block: three bytes from one byte back, and the end. The checksum is that of the bytes before the target.
    const stream = concat(wire("\x78\x9c\x03\x02\0"), checksum(Uint8Array.of(0xa5, 0xa5, 0xa5)));
    expect(inflateFirst(stream, 3)).toBeUndefined();
    expect(bySmall(stream, 3)).toBe("corrupt");
    expect(byPako(stream, 3, [1])).toBe("corrupt");
  });

  test.for([
    [1, 1, "a"],
    [2, 2, undefined],
    [1, 2, undefined],
  ] as const)(
    "a code with words of %i and %i bits is one when none is left over",
    ([letter, end, letters], { expect }) => {
      // The last block, with codes of its own: 257 literals, 1 distance, 18 lengths of the lengths' code.
      const bits = ["1", "01", ...number(0, 5), ...number(0, 5), ...number(14, 4)];
      // In the order of RFC 1951, section 3.2.7: 18 has a word of one bit, 1 and 2 of two.
      const lengths: Readonly<Record<number, number>> = { 18: 1, 1: 2, 2: 2 };
      const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1];
      for (const symbol of order) bits.push(...number(lengths[symbol] ?? 0, 3));
      const words: Readonly<Record<number, string>> = { 18: "0", 1: "10", 2: "11" };
      const zeros = (count: number): string[] => [words[18] ?? "", ...number(count - 11, 7)];
      // Only "a", 97, and the end, 256, have words; the one distance has a word of one bit.
      bits.push(
        ...zeros(97),
        words[letter] ?? "",
        ...zeros(138),
        ...zeros(20),
        words[end] ?? "",
        words[1] ?? "",
      );
      // "a", then the end: the first word of the letter's length, and the next one.
      bits.push("0".repeat(letter), end === 1 ? "1" : end === letter ? "01" : "10");
      const stream = concat(wire("\x78\x9c"), packed(bits.join("")), checksum(wire("a")));
      const expected = letters === undefined ? "corrupt" : { data: [0x61], consumed: stream.length };
      expect(typeof inflateFirst(stream, 1)).toBe(letters === undefined ? "undefined" : "object");
      expect(bySmall(stream, 1)).toEqual(expected);
      expect(byPako(stream, 1, [3])).toEqual(expected);
    },
  );

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
