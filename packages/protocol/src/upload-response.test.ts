import { describe, test } from "vitest";
import type { UploadResponseOptions } from "./fetch-grammar.ts";
import { FetchResponseDecoder } from "./fetch-response-decoder.ts";
import { encodeAck, encodeNak, encodeShallowInfo } from "./fetch-response-encoder.ts";
import { type ObjectId, parseObjectId } from "./object-id.ts";
import { concat, packets, wire } from "./testing/bytes.ts";
import { readAnswer } from "./testing/fetch-answer.ts";

const A = parseObjectId("a".repeat(40));
const B = parseObjectId("b".repeat(40));
const haves: ReadonlySet<ObjectId> = new Set([A, B]);
const PACK = packets("\u0001PACK", "\u0002hi\n", "\u0001rest", "0000");

describe("v0 fetch responses", () => {
  const round: UploadResponseOptions = {
    version: 0,
    ackMode: "multi_ack_detailed",
    sideband: "side-band-64k",
    sentDone: true,
    expectShallow: false,
    sentHaves: haves,
  };
  const ack = (status: "common" | "continue" | "ready" | "final", oid = A): Uint8Array =>
    encodeAck({ oid, status });
  const NAK = encodeNak();

  test.for<[string, Partial<UploadResponseOptions>, Uint8Array, string]>([
    ["a clone", {}, concat(NAK, PACK), "NAK, PACKrest, start 1, done"],
    ["NAK twice before the pack", {}, concat(NAK, NAK, NAK, PACK), "NAK, PACKrest, start 1, done"],
    [
      "NAK and then the ACK",
      {},
      concat(ack("common"), NAK, ack("final"), PACK),
      "a common, a final, NAK, PACKrest, start 1, done",
    ],
    [
      "keepalives before the pack",
      {},
      concat(NAK, packets("\u0001", "\u0001"), PACK),
      "NAK, PACKrest, start 1, done",
    ],
    [
      "common, then final",
      {},
      concat(ack("common"), ack("final"), PACK),
      "a common, a final, PACKrest, start 1, done",
    ],
    [
      "a round to its NAK, past ready",
      { sentDone: false },
      concat(ack("common"), ack("ready"), NAK),
      "a common, a ready, NAK, ready, done",
    ],
    [
      "no-done and ready: the pack follows",
      { sentDone: false, noDone: true },
      concat(ack("ready"), NAK, ack("final"), PACK),
      "a ready, a final, NAK, ready, PACKrest, start 1, done",
    ],
    [
      "no-done, not ready: no pack",
      { sentDone: false, noDone: true },
      concat(ack("common"), NAK),
      "a common, NAK, done",
    ],
    [
      "multi_ack",
      { sentDone: false, ackMode: "multi_ack" },
      concat(ack("continue"), ack("continue", B), NAK),
      "a continue, b continue, NAK, done",
    ],
    ["no multi_ack, a round", { sentDone: false, ackMode: "none" }, ack("final"), "a final, done"],
    ["no multi_ack, acknowledged in an earlier round", { ackMode: "none" }, PACK, "PACKrest, start 1, done"],
    ["no side-band", { sideband: "none" }, concat(NAK, wire("PACKrest")), "NAK, PACKrest, start 1"],
    [
      "no side-band, NAK twice",
      { sideband: "none" },
      concat(NAK, NAK, wire("PACK0000")),
      "NAK, PACK0000, start 1",
    ],
    [
      "a boundary",
      { expectShallow: true },
      concat(encodeShallowInfo({ shallow: [A], unshallow: [B] }, { version: 0 }), NAK, PACK),
      "+a, -b, NAK, PACKrest, start 1, done",
    ],
    [
      "an empty boundary",
      { expectShallow: true },
      concat(wire("0000"), NAK, PACK),
      "NAK, PACKrest, start 1, done",
    ],
    [
      "a boundary the server left out",
      { expectShallow: true },
      concat(NAK, PACK),
      "NAK, PACKrest, start 1, done",
    ],
    [
      "a boundary alone",
      { expectShallow: true, sentDone: false },
      encodeShallowInfo({ shallow: [A], unshallow: [] }, { version: 0 }),
      "+a",
    ],
    ["the pack before any answer", {}, PACK, "error ACK_INVALID"],
    [
      "the pack at ready without no-done",
      { sentDone: false },
      concat(ack("ready"), PACK),
      "error ACK_INVALID",
    ],
    [
      "a boundary not asked for",
      {},
      concat(encodeShallowInfo({ shallow: [A], unshallow: [] }, { version: 0 }), NAK),
      "error ACK_INVALID",
    ],
    ["an ACK for no have", {}, ack("common", parseObjectId("c".repeat(40))), "error ACK_UNKNOWN"],
    ["a flush-pkt before the pack", {}, concat(NAK, wire("0000")), "error FLUSH_UNEXPECTED"],
    ["an unknown band", {}, concat(NAK, packets("\0x")), "error SIDEBAND_INVALID"],
    ["ERR", {}, packets("ERR no\n"), "error REMOTE_ERROR"],
    ["ERR after the NAK", {}, concat(NAK, packets("ERR no\n")), "error REMOTE_ERROR"],
    // Cut before its P, the rest of the line must not pass for a bare pack.
    [
      "ERR after the NAK, no side-band",
      { sideband: "none" },
      concat(NAK, packets("ERR Pack lost\n")),
      "error REMOTE_ERROR",
    ],
    ["no end", {}, concat(NAK, packets("\u0001PACK")), "error PACK_TRUNCATED"],
    ["an end before the pack", {}, NAK, "error STREAM_TRUNCATED"],
    ["a round without its NAK", { sentDone: false }, ack("common"), "error STREAM_TRUNCATED"],
    ["nothing", { sentDone: false }, new Uint8Array(0), "error STREAM_TRUNCATED"],
  ])("%s", ([, change, stream, expected], { expect }) => {
    expect(readAnswer({ ...round, ...change }, stream)).toBe(expected);
  });

  test("leaves later bytes alone", ({ expect }) => {
    const decoder = new FetchResponseDecoder({ ...round, sentDone: false }, { onPack: () => {} });
    expect(decoder.feed(concat(NAK, wire("0008NAK\n")))).toBe(true);
    expect(String.fromCharCode(...decoder.rest())).toBe("0008NAK\n");
    expect(decoder.packStarted).toBe(false);
  });
});
