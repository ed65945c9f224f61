import fc from "fast-check";
import { describe, test } from "vitest";
import { vectorNames } from "../fixtures/vectors.ts";
import { cuts } from "./testing/arbitraries.ts";
import { bytewise, cutBy, everyCut, outcome, whole } from "./testing/cuts.ts";
import { recordings } from "./testing/recordings.ts";

// Each recording of real git is decoded to a golden text, then again under every single cut, byte by byte and in random
// pieces; what was decoded is encoded to the same bytes; and no part of it that ends early may pass for the whole.

/** What an end before the end may be called. */
const CUT =
  /^error (?:PKT_TRUNCATED|STREAM_TRUNCATED|PACK_TRUNCATED|PACK_CHECKSUM|ADVERTISEMENT_EMPTY|REPORT_MISSING|REQUEST_INVALID)$/;

describe.for(recordings())("$name", ({ stream, read, encode, mayEndEarly = false }) => {
  const golden = outcome(read, whole(stream));

  test("is read as it is meant", ({ expect }) => {
    const text: unknown = golden.startsWith("error") ? golden : JSON.parse(golden);
    expect(text).toMatchSnapshot();
  });

  test("is read alike however it is cut", ({ expect }) => {
    expect(outcome(read, bytewise(stream))).toBe(golden);
    for (const chunks of everyCut(stream)) expect(outcome(read, chunks)).toBe(golden);
    fc.assert(
      fc.property(cuts, (lengths) => {
        expect(outcome(read, cutBy(stream, lengths))).toBe(golden);
      }),
      { numRuns: 20 },
    );
  });

  test("is written again, byte for byte", ({ expect }) => {
    expect(text(encode(stream))).toBe(text(stream));
  });

  if (mayEndEarly || stream.length === 0) return;
  test("is not read where it ends early", ({ expect }) => {
    for (let length = 0; length < stream.length; length += 1) {
      expect(outcome(read, [stream.subarray(0, length)])).toMatch(CUT);
    }
  });
});

/** Latin-1, so that a difference can be read. */
function text(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

test("every recording is in the table", ({ expect }) => {
  const known = new Set(recordings().map(({ file }) => file));
  const all = [...vectorNames("", ".bin"), ...vectorNames("", ".pack")];
  expect(all.filter((name) => !known.has(name))).toEqual([]);
  expect([...known].filter((name) => !all.includes(name))).toEqual([]);
});
