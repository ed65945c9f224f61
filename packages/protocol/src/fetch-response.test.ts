import fc from "fast-check";
import { describe, test } from "vitest";
import { equalFetchResponses } from "./equal/fetch.ts";
import { FetchResponseDecoder } from "./fetch-response-decoder.ts";
import { encodeFetchResponse } from "./fetch-response-encoder.ts";
import { type ObjectId, parseObjectId } from "./object-id.ts";
import { SidebandEncoder } from "./pkt-line/sideband-encoder.ts";
import { cuts, objectFormat } from "./testing/arbitraries.ts";
import { concat, packets, wire } from "./testing/bytes.ts";
import { cutBy } from "./testing/cuts.ts";
import { readAnswer } from "./testing/fetch-answer.ts";
import { fetchResponseV2 } from "./testing/fetch-arbitraries.ts";

const A = parseObjectId("a".repeat(40));
const B = parseObjectId("b".repeat(40));
const haves: ReadonlySet<ObjectId> = new Set([A, B]);
const PACK = packets("\u0001PACK", "\u0002hi\n", "\u0001rest", "0000");

describe("v2 fetch responses", () => {
  test.for([
    [
      "ready and a pack",
      packets("acknowledgments\n", `ACK ${A}\n`, "ready\n", "0001", "packfile\n"),
      false,
      "a common, ready, PACKrest, start 1, done",
    ],
    [
      "ready without any ACK",
      packets("acknowledgments\n", "ready\n", "0001", "packfile\n"),
      false,
      "ready, PACKrest, start 1, done",
    ],
    [
      "LF left out everywhere",
      packets("acknowledgments", `ACK ${A}`, "ready", "0001", "packfile"),
      false,
      "a common, ready, PACKrest, start 1, done",
    ],
    ["done, so the pack alone", packets("packfile\n"), true, "PACKrest, start 1, done"],
    [
      "all sections",
      packets(
        "acknowledgments\n",
        "ready\n",
        "0001",
        "shallow-info\n",
        `shallow ${A}`,
        `unshallow ${B}`,
        "0001",
        "wanted-refs\n",
        `${A} refs/heads/a\n`,
        "0001",
        "packfile-uris\n",
        `${A} https://x/y z\n`,
        "0001",
        "packfile\n",
      ),
      false,
      "+a, -b, ready, PACKrest, start 1, done",
    ],
    [
      "wanted-refs before shallow-info, as git's upload-pack writes them",
      packets(
        "wanted-refs\n",
        `${A} refs/heads/a\n`,
        "0001",
        "shallow-info\n",
        `shallow ${A}`,
        "0001",
        "packfile\n",
      ),
      true,
      "+a, PACKrest, start 1, done",
    ],
  ] as const)("%s", ([, head, sentDone, expected], { expect }) => {
    expect(readAnswer({ version: 2, sentDone, sentHaves: haves }, concat(head, PACK))).toBe(expected);
  });

  test.for([
    ["a round ends", packets("acknowledgments\n", "NAK\n", "0000"), "NAK, done"],
    [
      "a round ends with common haves",
      packets("acknowledgments\n", `ACK ${A}\n`, `ACK ${B}\n`, "0000"),
      "a common, b common, done",
    ],
    ["ready, then flush", packets("acknowledgments\n", "ready\n", "0000"), "error READY_WITHOUT_DELIM"],
    [
      "delim, not ready",
      packets("acknowledgments\n", `ACK ${A}\n`, "0001", "packfile\n", "0000"),
      "error DELIM_WITHOUT_READY",
    ],
    [
      "a section twice, with another between",
      packets(
        "acknowledgments\n",
        "ready\n",
        "0001",
        "shallow-info\n",
        "0001",
        "wanted-refs\n",
        "0001",
        "shallow-info\n",
      ),
      "error SECTION_DUPLICATED",
    ],
    [
      "a section twice",
      packets("acknowledgments\n", "ready\n", "0001", "acknowledgments\n"),
      "error SECTION_DUPLICATED",
    ],
    [
      "sections out of order",
      packets("acknowledgments\n", "ready\n", "0001", "packfile-uris\n", "0001", "shallow-info\n"),
      "error SECTION_OUT_OF_ORDER",
    ],
    [
      "an unknown section",
      packets("acknowledgments\n", "ready\n", "0001", "bundles\n"),
      "error SECTION_UNKNOWN",
    ],
    ["a response-end-pkt", packets("acknowledgments\n", "0002"), "error RESPONSE_END_UNEXPECTED"],
    ["an extra delim-pkt", packets("acknowledgments\n", "ready\n", "0001", "0001"), "error DELIM_UNEXPECTED"],
    [
      "no pack after shallow-info",
      packets("acknowledgments\n", "ready\n", "0001", "shallow-info\n", "0000"),
      "error FLUSH_UNEXPECTED",
    ],
    ["a strange acknowledgment", packets("acknowledgments\n", "ACK 123\n"), "error ACK_INVALID"],
    ["an ACK after ready", packets("acknowledgments\n", "ready\n", `ACK ${A}\n`), "error ACK_INVALID"],
    [
      "an ACK of v0",
      packets("acknowledgments\n", `ACK ${A} common\n`, `ACK ${A} ready\n`),
      "error ACK_INVALID",
    ],
    ["an ACK for no have", packets("acknowledgments\n", `ACK ${"c".repeat(40)}\n`), "error ACK_UNKNOWN"],
    ["no acknowledgments without done", packets("packfile\n", "0000"), "error ACKNOWLEDGMENTS_MISSING"],
    ["ERR", packets("ERR upload-pack: not our ref\n"), "error REMOTE_ERROR"],
    ["ERR in a section", packets("acknowledgments\n", "ERR gone"), "error REMOTE_ERROR"],
    [
      "band 3 in the pack",
      packets("acknowledgments\n", "ready\n", "0001", "packfile\n", "\u0001PACK", "\u0003no\n"),
      "error REMOTE_ERROR",
    ],
    [
      "no flush-pkt after the pack",
      packets("acknowledgments\n", "ready\n", "0001", "packfile\n", "\u0001PACK"),
      "error PACK_TRUNCATED",
    ],
    [
      "a cut pack packet",
      packets("acknowledgments\n", "ready\n", "0001", "packfile\n", "\u0001PACK").subarray(0, -1),
      "error PACK_TRUNCATED",
    ],
    ["an end between packets", packets("acknowledgments\n"), "error STREAM_TRUNCATED"],
    ["an end in a packet", packets("acknowledgments\n").subarray(0, 9), "error PKT_TRUNCATED"],
    ["a page", wire("<html>"), "error NOT_GIT"],
  ] as const)("%s", ([, stream, expected], { expect }) => {
    expect(readAnswer({ version: 2, sentDone: false, sentHaves: haves }, stream)).toBe(expected);
  });

  test("acknowledgments after done are refused", ({ expect }) => {
    expect(readAnswer({ version: 2, sentDone: true }, packets("acknowledgments\n"))).toBe(
      "error ACKNOWLEDGMENTS_UNEXPECTED",
    );
  });

  test.for([
    ["maxNegotiationLines", 2],
    ["maxNegotiationBytes", 100],
  ] as const)("lines before the pack are bounded by %s", ([limit, value], { expect }) => {
    const decoder = new FetchResponseDecoder(
      { version: 2 },
      { onPack: () => {}, limits: { [limit]: value } },
    );
    expect(() => decoder.feed(packets("shallow-info\n", `shallow ${A}`, `shallow ${B}`))).toThrow(
      expect.objectContaining({ code: "LIMIT_EXCEEDED", details: { limit } }),
    );
  });

  test("reads what the server side writes", ({ expect }) => {
    const answer = objectFormat.chain((format) => fetchResponseV2(format));
    fc.assert(
      fc.property(
        answer,
        fc.boolean(),
        fc.uint8Array(),
        cuts,
        ({ response, haves }, sidebandAll, pack, lengths) => {
          const sideband = new SidebandEncoder();
          const packed = response.packfile
            ? concat(sideband.keepalive(), sideband.pack(pack), sideband.flush())
            : new Uint8Array(0);
          const stream = concat(encodeFetchResponse(response, { version: 2, sidebandAll }), packed);
          const seen: Uint8Array[] = [];
          const sentDone = response.acknowledgments === undefined;
          const decoder = new FetchResponseDecoder(
            { version: 2, sidebandAll, sentDone, sentHaves: new Set(haves) },
            { onPack: (view) => seen.push(view.slice()) },
          );
          for (const chunk of cutBy(stream, lengths)) decoder.feed(chunk);
          expect(equalFetchResponses(decoder.finish(), response)).toBe(true);
          expect(concat(...seen)).toEqual(response.packfile ? pack : new Uint8Array(0));
        },
      ),
    );
  });
});
