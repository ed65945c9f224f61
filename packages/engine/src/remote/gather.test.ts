import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Gatherer, releaseGathered } from "./gather.ts";
import { BUFFER_BYTES as CHUNK_BYTES, releaseBuffer, releaseBytes, takeBuffer } from "./release-bytes.ts";

describe("Gatherer", () => {
  test("gives back what it was given, in order and in large pieces", () => {
    const views = fc.array(fc.integer({ min: 0, max: 300_000 }), { maxLength: 8 });
    fc.assert(
      fc.property(views, (lengths) => {
        const gatherer = new Gatherer();
        const given: Uint8Array[] = [];
        const taken: Uint8Array[] = [];
        for (const [index, length] of lengths.entries()) {
          const view = new Uint8Array(length).fill(index + 1);
          given.push(view.slice());
          gatherer.push(view);
          // It copies: the caller may reuse its bytes at once.
          view.fill(0);
          for (let full = gatherer.takeFull(); full !== undefined; full = gatherer.takeFull())
            taken.push(full);
        }
        expect(taken.every((chunk) => chunk.length === CHUNK_BYTES)).toBe(true);
        const rest = gatherer.takeRest();
        if (rest !== undefined) taken.push(rest);
        expect(Buffer.concat(taken).equals(Buffer.concat(given))).toBe(true);
        expect(gatherer.total).toBe(Buffer.concat(given).length);
        expect(gatherer.takeRest()).toBeUndefined();
      }),
      { numRuns: 40 },
    );
  });
});

describe("releaseGathered()", () => {
  test("frees a chunk of a Gatherer once, also through a view of it", () => {
    const gatherer = new Gatherer();
    gatherer.push(new Uint8Array(CHUNK_BYTES));
    const chunk = gatherer.takeFull() ?? expect.unreachable();
    releaseGathered(chunk.subarray(0, 10));
    expect(chunk.length).toBe(0);
    releaseGathered(chunk);
  });

  test("leaves bytes alone that it did not make", () => {
    const shared = Buffer.from("in the pool that all small buffers share");
    const own = new Uint8Array(CHUNK_BYTES);
    releaseGathered(shared);
    releaseGathered(own);
    expect([shared.toString(), own.length]).toEqual([
      "in the pool that all small buffers share",
      CHUNK_BYTES,
    ]);
  });
});

describe("releaseBytes()", () => {
  test("frees a whole buffer and leaves a part of one alone", () => {
    const whole = new Uint8Array(10);
    const part = new Uint8Array(10).subarray(0, 9);
    releaseBytes(whole);
    releaseBytes(whole);
    releaseBytes(part);
    expect([whole.length, part.length]).toEqual([0, 9]);
  });
});

describe("releaseBuffer()", () => {
  test("keeps the memory for who takes a buffer next, and empties what still points to it", () => {
    const view = new Uint8Array(takeBuffer()).fill(7);
    releaseBuffer(view.buffer);
    const next = new Uint8Array(takeBuffer());
    expect([view.length, next.length, next[0], next.at(-1)]).toEqual([0, CHUNK_BYTES, 7, 7]);
  });

  test("keeps no more than a few", () => {
    const taken = Array.from({ length: 40 }, () => new Uint8Array(takeBuffer()).fill(7));
    for (const { buffer } of taken) releaseBuffer(buffer);
    const again = Array.from({ length: 40 }, () => new Uint8Array(takeBuffer()).fill(8));
    expect(new Set(again.map(({ buffer }) => buffer)).size).toBe(40);
    expect(taken.every(({ length }) => length === 0)).toBe(true);
  });
});
