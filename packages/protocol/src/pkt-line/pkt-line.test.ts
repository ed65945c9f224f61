import fc from "fast-check";
import { describe, test } from "vitest";
import { bytewise, everyCut, outcome, type Subject } from "../testing/cuts.ts";
import { bytes, refName } from "../testing/arbitraries.ts";
import { concat, packets, wire } from "../testing/bytes.ts";
import { encodeText } from "../byte-text.ts";
import { PktLineDecoder } from "./pkt-line-decoder.ts";
import {
  DELIM_PKT,
  encodePktLine,
  FLUSH_PKT,
  MAX_PKT_PAYLOAD_LENGTH,
  PktLineWriter,
  textOf,
} from "./pkt-line-encoder.ts";

function collect(): Subject {
  const decoder = new PktLineDecoder();
  const seen: string[] = [];
  return {
    feed: (chunk) =>
      decoder.feed(chunk, (kind, payload) => {
        seen.push(kind === "data" ? `data ${String.fromCharCode(...payload)}` : kind);
      }),
    finish: () => {
      decoder.finish();
      return seen;
    },
  };
}

describe("PktLineDecoder", () => {
  // The examples of gitprotocol-common(5), then the special packets of gitprotocol-v2(5).
  test.for([
    ["0006a\n", ["data a\n"]],
    ["0005a", ["data a"]],
    ["000bfoobar\n", ["data foobar\n"]],
    ["000BFOOBAR\n", ["data FOOBAR\n"]],
    ["0004", ["data "]],
    ["0000", ["flush"]],
    ["00010002", ["delim", "response-end"]],
  ] as const)("reads %j", ([text, expected], { expect }) => {
    expect(outcome(collect, [wire(text)])).toBe(JSON.stringify(expected));
    expect(outcome(collect, bytewise(wire(text)))).toBe(JSON.stringify(expected));
  });

  test.for(["-001", "+005", " 005", "0x10", "12zz", "00 5", "000g", "\0\0\0\0", "é000"])(
    "refuses pkt-len %j",
    (text, { expect }) => {
      expect(outcome(collect, [wire(`${text}aaaaaaaa`)])).toBe("error PKT_LENGTH_INVALID");
      expect(outcome(collect, bytewise(wire(`0006a\n${text}`)))).toBe("error PKT_LENGTH_INVALID");
    },
  );

  test.for([
    ["0003", "PKT_LENGTH_RESERVED"],
    ["fff4", "PKT_TOO_LONG"],
    ["ffff", "PKT_TOO_LONG"],
  ] as const)("refuses pkt-len %s as %s", ([text, code], { expect }) => {
    expect(outcome(collect, [wire(`${text}aaaaaaaa`)])).toBe(`error ${code}`);
    expect(outcome(collect, bytewise(wire(`0006a\n${text}`)))).toBe(`error ${code}`);
  });

  test("accepts every pkt-len of four hex digits that git accepts, and no other", ({ expect }) => {
    const accepted: number[] = [];
    for (let length = 0; length <= 0xffff; length += 1) {
      const result = outcome(collect, [wire(length.toString(16).padStart(4, "0"))]);
      if (!/^error PKT_(?:LENGTH|TOO_LONG)/.test(result)) accepted.push(length);
    }
    expect(accepted).toEqual([0, 1, 2, ...Array.from({ length: 0xfff3 - 3 }, (_, index) => index + 4)]);
  });

  test.for([
    ["<html><head>", /web page/],
    ['{"error":1}', /JSON/],
    ["PACK\0\0\0\u0002", /pack came/],
    ["fatal: not found", /plain text/],
    ["remote: no", /plain text/],
    ["Welcome to host", /banner/],
    ["\nLast login", /banner/],
  ] as const)("says that %j is not git", ([text, hint], { expect }) => {
    const decoder = new PktLineDecoder();
    expect(() => decoder.feed(wire(text), () => {})).toThrow(
      expect.objectContaining({ code: "NOT_GIT", message: expect.stringMatching(hint) }),
    );
    expect(outcome(collect, bytewise(wire(text)))).toBe("error NOT_GIT");
  });

  test("an end inside a header or a body is an error, between packets it is not", ({ expect }) => {
    const stream = packets("hello\n", "0000", "x");
    const ends = new Set([10, 14, 19]);
    for (let length = 1; length <= stream.length; length += 1) {
      const result = outcome(collect, [stream.subarray(0, length)]);
      expect(result.startsWith("error")).toBe(!ends.has(length));
      if (!ends.has(length)) expect(result).toBe("error PKT_TRUNCATED");
    }
  });

  test("stops when told, and leaves the rest of the chunk alone wherever it is cut", ({ expect }) => {
    const stream = concat(packets("one", "two", "0000"), wire("PACKzzzz"));
    for (const chunks of everyCut(stream)) {
      const decoder = new PktLineDecoder();
      let rest = "";
      let stopped = false;
      for (const chunk of chunks) {
        if (stopped) rest += String.fromCharCode(...chunk);
        else if (!decoder.feed(chunk, (kind) => kind !== "flush")) {
          stopped = true;
          rest = String.fromCharCode(...decoder.rest());
        }
      }
      expect(rest).toBe("PACKzzzz");
    }
  });

  test("gives back what was written, however it is cut", ({ expect }) => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(bytes, fc.constantFrom("flush", "delim")), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        (items, cuts) => {
          const writer = new PktLineWriter();
          for (const item of items) {
            if (item === "flush") writer.flush();
            else if (item === "delim") writer.delim();
            else if (typeof item !== "string") writer.line(item);
          }
          const stream = writer.take();
          const seen: unknown[] = [];
          const decoder = new PktLineDecoder();
          for (let offset = 0, turn = 0; offset < stream.length; turn += 1) {
            const length = cuts[turn % cuts.length] ?? 1;
            decoder.feed(stream.slice(offset, offset + length), (kind, payload) => {
              seen.push(kind === "data" ? payload.slice() : kind);
            });
            offset += length;
          }
          decoder.finish();
          expect(seen).toEqual(items);
        },
      ),
    );
  });

  test("is bounded by the caller's limit", ({ expect }) => {
    const decoder = new PktLineDecoder({ maxPktPayloadBytes: 10 });
    decoder.feed(packets("0123456789"), () => {});
    expect(() => decoder.feed(packets("0123456789a"), () => {})).toThrow(
      expect.objectContaining({ code: "PKT_TOO_LONG", offset: 14 }),
    );
  });
});

describe("pkt-line encoding", () => {
  test("writes lower-case lengths up to 65520 in all", ({ expect }) => {
    expect(String.fromCharCode(...encodePktLine("0123456"))).toBe("000b0123456");
    expect(String.fromCharCode(...encodePktLine(new Uint8Array(MAX_PKT_PAYLOAD_LENGTH)).subarray(0, 4))).toBe(
      "fff0",
    );
    expect(() => encodePktLine(new Uint8Array(MAX_PKT_PAYLOAD_LENGTH + 1))).toThrow(RangeError);
    expect([FLUSH_PKT, DELIM_PKT].map((packet) => String.fromCharCode(...packet))).toEqual(["0000", "0001"]);
  });

  test("restores the bytes of ref names in text", ({ expect }) => {
    fc.assert(
      fc.property(refName, (name) => {
        expect(encodePktLine(`x ${name}\n`)).toEqual(
          encodePktLine(concat(wire("x "), encodeText(name), wire("\n"))),
        );
      }),
    );
  });

  test("textOf strips at most one LF", ({ expect }) => {
    expect([textOf(wire("a\n\n")), textOf(wire("a\n")), textOf(wire("a")), textOf(wire(""))]).toEqual([
      "a\n",
      "a",
      "a",
      "",
    ]);
  });
});
