import fc from "fast-check";
import { describe, test } from "vitest";
import { equalSidebandPackets } from "../equal/fetch.ts";
import { bytes } from "../testing/arbitraries.ts";
import { bytewise, cutBy, everyCut, outcome, type Subject, whole } from "../testing/cuts.ts";
import { concat, packets, wire } from "../testing/bytes.ts";
import { sidebandPacket } from "../testing/fetch-arbitraries.ts";
import { ProgressLines, type ProgressLine } from "./progress-lines.ts";
import { SidebandDecoder } from "./sideband-decoder.ts";
import { SidebandEncoder } from "./sideband-encoder.ts";
import { decodeSidebandPacket, encodeSidebandPacket } from "./sideband-packet.ts";

function demultiplex(): Subject {
  let pack = "";
  let progress = "";
  const decoder = new SidebandDecoder({
    onPack: (view) => (pack += String.fromCharCode(...view)),
    onProgress: (view) => (progress += String.fromCharCode(...view)),
  });
  return {
    feed: (chunk) => decoder.feed(chunk),
    finish: () => {
      decoder.finish();
      return { pack, progress };
    },
  };
}

describe("one packet of side-band", () => {
  test("is read as it was written", ({ expect }) => {
    fc.assert(
      fc.property(sidebandPacket, (packet) => {
        expect(
          equalSidebandPackets(decodeSidebandPacket(encodeSidebandPacket(packet).subarray(4)), packet),
        ).toBe(true);
      }),
    );
  });

  test("has a band, and fits into a pkt-line", ({ expect }) => {
    for (const payload of [wire(""), wire("\0x"), wire("\u0004x")]) {
      expect(() => decodeSidebandPacket(payload)).toThrow(
        expect.objectContaining({ code: "SIDEBAND_INVALID" }),
      );
    }
    const most = { band: "pack", data: new Uint8Array(65_515) } as const;
    expect(encodeSidebandPacket(most).length).toBe(65_520);
    expect(() => encodeSidebandPacket({ ...most, data: new Uint8Array(65_516) })).toThrow(RangeError);
  });
});

describe("SidebandDecoder", () => {
  test.for([
    [
      "keepalives anywhere",
      packets("\u0001", "\u0001PA", "\u0002", "\u0002hi", "\u0001", "\u0001CK", "0000"),
      '{"pack":"PACK","progress":"hi"}',
    ],
    [
      "progress after the pack",
      packets("\u0001PACK", "\u0002Total 1\n", "0000"),
      '{"pack":"PACK","progress":"Total 1\\n"}',
    ],
    ["band 3", packets("\u0001PACK", "\u0003fatal: x\n"), "error REMOTE_ERROR"],
    ["an empty band 3", packets("\u0003"), "error REMOTE_ERROR"],
    ["an ERR packet", packets("ERR no\n"), "error REMOTE_ERROR"],
    ["band 0", packets("\0x", "0000"), "error SIDEBAND_INVALID"],
    ["band 4", packets("\u0004x", "0000"), "error SIDEBAND_INVALID"],
    ["a plain line", packets("unpack ok\n", "0000"), "error SIDEBAND_INVALID"],
    ["a packet without band", wire("0004"), "error SIDEBAND_INVALID"],
    ["a delim-pkt", packets("\u0001PACK", "0001"), "error SIDEBAND_INVALID"],
    ["a response-end-pkt", packets("\u0001PACK", "0002"), "error SIDEBAND_INVALID"],
    ["no flush-pkt", packets("\u0001PACK"), "error STREAM_TRUNCATED"],
    ["a cut packet", packets("\u0001PACK").subarray(0, 7), "error PKT_TRUNCATED"],
    ["a cut header", concat(packets("\u0001PACK"), wire("00")), "error PKT_TRUNCATED"],
    ["0003", wire("0003\u0001xxx"), "error PKT_LENGTH_RESERVED"],
    ["a page", wire("<html>"), "error NOT_GIT"],
  ] as const)("%s", ([, stream, expected], { expect }) => {
    expect(outcome(demultiplex, whole(stream))).toBe(expected);
    expect(outcome(demultiplex, bytewise(stream))).toBe(expected);
    for (const chunks of everyCut(stream)) expect(outcome(demultiplex, chunks)).toBe(expected);
  });

  test("gives the remote's text, made safe", ({ expect }) => {
    const decoder = new SidebandDecoder({ onPack: () => {} });
    expect(() => decoder.feed(packets("\u0003fatal: \u001b[31mno\n"))).toThrow(
      expect.objectContaining({ code: "REMOTE_ERROR", details: { message: "fatal: \\u{1b}[31mno" } }),
    );
  });

  test("gives views of the chunk, and the bytes after the flush-pkt", ({ expect }) => {
    const stream = concat(packets("\u0001PACKDATA", "0000"), wire("next"));
    const views: Uint8Array[] = [];
    const decoder = new SidebandDecoder({ onPack: (view) => views.push(view) });
    expect(decoder.feed(stream)).toBe(true);
    expect(views.map((view) => view.buffer === stream.buffer)).toEqual([true]);
    expect(String.fromCharCode(...decoder.rest())).toBe("next");
  });

  test("bounds progress", ({ expect }) => {
    const decoder = new SidebandDecoder({ onPack: () => {}, limits: { maxProgressBytes: 10 } });
    decoder.feed(packets("\u00020123456789"));
    expect(() => decoder.feed(packets("\u0002x"))).toThrow(
      expect.objectContaining({ code: "LIMIT_EXCEEDED" }),
    );
  });

  test("takes apart what the encoder put together", ({ expect }) => {
    const item = fc.record({ band: fc.constantFrom("pack", "progress", "keepalive"), data: bytes });
    fc.assert(
      fc.property(
        fc.array(item),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }),
        (items, cuts) => {
          const encoder = new SidebandEncoder("side-band");
          const pieces = items.map(({ band, data }) =>
            band === "pack"
              ? encoder.pack(data)
              : band === "progress"
                ? encoder.progress(data)
                : encoder.keepalive(),
          );
          const stream = concat(...pieces, encoder.flush());
          const text = (wanted: string): string =>
            items
              .flatMap(({ band, data }) => (band === wanted ? [String.fromCharCode(...data)] : []))
              .join("");
          expect(outcome(demultiplex, cutBy(stream, cuts))).toBe(
            JSON.stringify({ pack: text("pack"), progress: text("progress") }),
          );
        },
      ),
    );
  });
});

describe("SidebandEncoder", () => {
  test.for([
    ["side-band", 1000],
    ["side-band-64k", 65520],
  ] as const)("no packet of %s exceeds %i bytes", ([mode, most], { expect }) => {
    const encoded = new SidebandEncoder(mode).pack(new Uint8Array(200_000));
    const lengths: number[] = [];
    for (let offset = 0; offset < encoded.length; offset += lengths.at(-1) ?? 1) {
      lengths.push(Number.parseInt(String.fromCharCode(...encoded.subarray(offset, offset + 4)), 16));
    }
    expect(Math.max(...lengths)).toBe(most);
    expect(encoded.length - 5 * lengths.length).toBe(200_000);
  });
});

describe("ProgressLines", () => {
  test("re-assembles lines cut in words and in UTF-8, and makes them safe", ({ expect }) => {
    const stream = new TextEncoder().encode(
      "Counting:  1%\rCounting: 100%, dóne.\nhook \u001b[2J\u202e\r\nrest",
    );
    const expected: ProgressLine[] = [
      { text: "Counting:  1%", transient: true },
      { text: "Counting: 100%, dóne.", transient: false },
      { text: "hook \\u{1b}[2J\\u{202e}", transient: true },
      { text: "rest", transient: false },
    ];
    for (const chunks of [whole(stream), bytewise(stream), ...everyCut(stream)]) {
      const lines: ProgressLine[] = [];
      const progress = new ProgressLines({ onLine: (line) => lines.push(line) });
      for (const chunk of chunks) progress.feed(chunk);
      progress.finish();
      expect(lines).toEqual(expected);
    }
  });

  test("a line without end takes no more memory than its limit", ({ expect }) => {
    const lines: ProgressLine[] = [];
    const progress = new ProgressLines({ onLine: (line) => lines.push(line), maxLength: 10 });
    for (let turn = 0; turn < 1000; turn += 1) progress.feed(wire("abcdefgh"));
    progress.finish();
    expect(lines).toEqual([{ text: "abcdefgha…", transient: false }]);
  });
});
