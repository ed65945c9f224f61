import fc from "fast-check";
import { describe, test } from "vitest";
import { CapabilityList } from "./capabilities.ts";
import { equalAcknowledgments, equalFetchRequests, equalShallowInfo } from "./equal.ts";
import {
  chooseUploadCapabilities,
  encodeFetchRequestV2,
  encodeHaves,
  encodeUploadRequest,
  type FetchRequest,
} from "./fetch-request.ts";
import {
  encodeAck,
  encodeAcknowledgments,
  encodeNak,
  encodePackfileUris,
  encodeSectionHeader,
  encodeShallowInfo,
  encodeWantedRefs,
} from "./fetch-response.ts";
import type { UploadResponseOptions } from "./fetch-grammar.ts";
import { FetchResponseDecoder, type FetchResponseOptions } from "./fetch-response-decoder.ts";
import { type ObjectId, parseObjectId } from "./object-id.ts";
import { SidebandEncoder } from "./pkt-line/sideband-encoder.ts";
import { parseRefName } from "./ref-name.ts";
import { fetchRequest, objectFormat, objectId, refName } from "./testing/arbitraries.ts";
import { concat, packets, wire } from "./testing/bytes.ts";
import { bytewise, cutBy, everyCut, outcome, type Subject, whole } from "./testing/cuts.ts";
import { UploadRequestDecoder } from "./upload-request-decoder.ts";
import { decodeFetchRequestV2, V2CommandDecoder } from "./v2-command.ts";

const A = parseObjectId("a".repeat(40));
const B = parseObjectId("b".repeat(40));
const haves: ReadonlySet<ObjectId> = new Set([A, B]);
const PACK = packets("\u0001PACK", "\u0002hi\n", "\u0001rest", "0000");

function subject(options: FetchResponseOptions): () => Subject {
  return () => {
    let pack = "";
    let starts = 0;
    let done = false;
    const decoder = new FetchResponseDecoder(options, {
      onPack: (view) => (pack += String.fromCharCode(...view)),
      onPackStart: () => (starts += 1),
    });
    return {
      feed: (chunk) => (done = decoder.feed(chunk) || done),
      finish: () => {
        decoder.finish();
        const {
          acknowledgments: { acks, nak, ready },
          shallowInfo,
        } = decoder;
        const said = [
          ...acks.map(({ oid, status }) => `${oid[0] ?? ""} ${status}`),
          nak ? "NAK" : "",
          ready ? "ready" : "",
        ];
        const boundary = [
          ...shallowInfo.shallow.map((oid) => `+${oid[0] ?? ""}`),
          ...shallowInfo.unshallow.map((oid) => `-${oid[0] ?? ""}`),
        ];
        return [...boundary, ...said, pack, starts > 0 ? `start ${starts}` : "", done ? "done" : ""]
          .filter((word) => word !== "")
          .join(", ");
      },
    };
  };
}

function check(options: FetchResponseOptions, stream: Uint8Array): string {
  const expected = outcome(subject(options), whole(stream));
  const others = [bytewise(stream), ...everyCut(stream)].map((chunks) => outcome(subject(options), chunks));
  return others.every((other) => other === expected)
    ? expected.replaceAll('"', "")
    : `depends on cuts: ${expected} ${others.join(" ")}`;
}

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
    expect(check({ version: 2, sentDone, sentHaves: haves }, concat(head, PACK))).toBe(expected);
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
    [
      "an extra delim-pkt",
      packets("acknowledgments\n", "ready\n", "0001", "0001"),
      "error FETCH_RESPONSE_INVALID",
    ],
    [
      "no pack after shallow-info",
      packets("acknowledgments\n", "ready\n", "0001", "shallow-info\n", "0000"),
      "error FETCH_RESPONSE_INVALID",
    ],
    ["a strange acknowledgment", packets("acknowledgments\n", "ACK 123\n"), "error FETCH_RESPONSE_INVALID"],
    [
      "an ACK after ready",
      packets("acknowledgments\n", "ready\n", `ACK ${A}\n`),
      "error FETCH_RESPONSE_INVALID",
    ],
    [
      "an ACK of v0",
      packets("acknowledgments\n", `ACK ${A} common\n`, `ACK ${A} ready\n`),
      "error FETCH_RESPONSE_INVALID",
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
    expect(check({ version: 2, sentDone: false, sentHaves: haves }, stream)).toBe(expected);
  });

  test("acknowledgments after done are refused", ({ expect }) => {
    expect(check({ version: 2, sentDone: true }, packets("acknowledgments\n"))).toBe(
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
    const answer = objectFormat.chain((format) =>
      fc.record({
        acks: fc.array(objectId(format), { maxLength: 4 }),
        shallow: fc.array(objectId(format), { maxLength: 3 }),
        unshallow: fc.array(objectId(format), { maxLength: 3 }),
        wanted: fc.array(fc.record({ name: refName, oid: objectId(format) }), { maxLength: 3 }),
        pack: fc.uint8Array(),
      }),
    );
    fc.assert(
      fc.property(
        answer,
        fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1 }),
        ({ acks, shallow, unshallow, wanted, pack }, cuts) => {
          const sideband = new SidebandEncoder();
          const uris = acks.map((hash) => ({ hash, uri: "https://example.com/p q" }));
          const stream = concat(
            encodeAcknowledgments({ acks, ready: true }),
            encodeShallowInfo({ shallow, unshallow }, { version: 2 }),
            encodeWantedRefs(wanted),
            encodePackfileUris(uris),
            encodeSectionHeader("packfile"),
            sideband.keepalive(),
            sideband.pack(pack),
            sideband.flush(),
          );
          const seen: Uint8Array[] = [];
          const decoder = new FetchResponseDecoder(
            { version: 2, sentDone: false, sentHaves: new Set(acks) },
            { onPack: (view) => seen.push(view.slice()) },
          );
          for (const chunk of cutBy(stream, cuts)) decoder.feed(chunk);
          decoder.finish();
          expect(
            equalAcknowledgments(decoder.acknowledgments, {
              acks: acks.map((oid) => ({ oid, status: "common" as const })),
              nak: false,
              ready: true,
            }),
          ).toBe(true);
          expect(equalShallowInfo(decoder.shallowInfo, { shallow, unshallow })).toBe(true);
          expect([decoder.wantedRefs, decoder.packfileUris, concat(...seen)]).toEqual([wanted, uris, pack]);
        },
      ),
    );
  });
});

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
    ["the pack before any answer", {}, PACK, "error FETCH_RESPONSE_INVALID"],
    [
      "the pack at ready without no-done",
      { sentDone: false },
      concat(ack("ready"), PACK),
      "error FETCH_RESPONSE_INVALID",
    ],
    [
      "a boundary not asked for",
      {},
      concat(encodeShallowInfo({ shallow: [A], unshallow: [] }, { version: 0 }), NAK),
      "error FETCH_RESPONSE_INVALID",
    ],
    ["an ACK for no have", {}, ack("common", parseObjectId("c".repeat(40))), "error ACK_UNKNOWN"],
    ["a flush-pkt before the pack", {}, concat(NAK, wire("0000")), "error FETCH_RESPONSE_INVALID"],
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
    expect(check({ ...round, ...change }, stream)).toBe(expected);
  });

  test("leaves later bytes alone", ({ expect }) => {
    const decoder = new FetchResponseDecoder({ ...round, sentDone: false }, { onPack: () => {} });
    expect(decoder.feed(concat(NAK, wire("0008NAK\n")))).toBe(true);
    expect(String.fromCharCode(...decoder.rest())).toBe("0008NAK\n");
    expect(decoder.packStarted).toBe(false);
  });
});

describe("fetch requests", () => {
  const all = new CapabilityList(
    "multi_ack thin-pack side-band side-band-64k ofs-delta shallow deepen-since deepen-not deepen-relative no-progress include-tag multi_ack_detailed no-done filter agent=git/2".split(
      " ",
    ),
  );
  const v2 = new CapabilityList([
    "agent=git/2",
    "ls-refs",
    "fetch=shallow wait-for-done filter ref-in-want",
    "object-format=sha1",
  ]);
  const base: FetchRequest = { wants: [A, B], haves: [A], done: true };

  test("v2, byte for byte", ({ expect }) => {
    const request: FetchRequest = {
      ...base,
      ofsDelta: true,
      noProgress: true,
      deepen: { type: "depth", depth: 3, relative: true },
      filter: "blob:none",
      shallow: [B],
    };
    const text = String.fromCharCode(
      ...encodeFetchRequestV2(request, { capabilities: v2, objectFormat: "sha1", agent: "me" }),
    ).replaceAll("\n", "|");
    expect(text).toBe(
      `0012command=fetch|000cagent=me0016object-format=sha100010010no-progress|000eofs-delta|0035shallow ${B}|000ddeepen 3|0014deepen-relative|0015filter blob:none|0032want ${A}|0032want ${B}|0032have ${A}|0009done|0000`,
    );
  });

  test("v0, byte for byte, in git's order", ({ expect }) => {
    const request: FetchRequest = {
      ...base,
      ofsDelta: true,
      noProgress: true,
      thinPack: true,
      includeTag: true,
      deepen: { type: "boundary", since: 5, not: ["refs/heads/x"] },
    };
    const server = new CapabilityList([...all, "object-format=sha1"]);
    const text = String.fromCharCode(
      ...encodeUploadRequest(request, { capabilities: server, stateless: true, agent: "me" }),
    ).replaceAll("\n", "|");
    expect(text).toContain(
      `want ${A} multi_ack_detailed no-done side-band-64k thin-pack no-progress include-tag ofs-delta deepen-since deepen-not object-format=sha1 agent=me|0032want ${B}|0013deepen-since 5|001cdeepen-not refs/heads/x|00000032have ${A}|0009done|`,
    );
  });

  test.for([
    [
      ["multi_ack_detailed", "multi_ack", "side-band", "no-done"],
      true,
      "multi_ack_detailed no-done side-band",
    ],
    [
      ["multi_ack_detailed", "no-done", "side-band-64k", "side-band"],
      false,
      "multi_ack_detailed side-band-64k",
    ],
    [["multi_ack", "no-done"], true, "multi_ack"],
    [["agent=x"], true, "agent=me"],
    [[], true, ""],
  ] as const)("of %j, stateless %j, asks for %j", ([server, stateless, expected], { expect }) => {
    const capabilities = new CapabilityList(server);
    const choice = chooseUploadCapabilities(
      { ...base, thinPack: true, ofsDelta: true, noProgress: true },
      { capabilities, stateless, agent: "me" },
    );
    expect(choice.capabilities.join(" ")).toBe(expected);
    expect(choice.noDone).toBe(expected.includes("no-done"));
  });

  test.for<Partial<FetchRequest>>([
    { filter: "blob:none" },
    { shallow: [A] },
    { deepen: { type: "depth", depth: 1 } },
    { deepen: { type: "boundary", since: 1 } },
    { wantRefs: [parseRefName("refs/heads/a")] },
    { deepen: { type: "depth", depth: 1, relative: true } },
  ])("says what the server lacks for %j", (change, { expect }) => {
    const missing = expect.objectContaining({ code: "CAPABILITY_MISSING" });
    expect(() =>
      encodeUploadRequest({ ...base, ...change }, { capabilities: new CapabilityList(), stateless: true }),
    ).toThrow(missing);
    expect(() =>
      encodeFetchRequestV2(
        { ...base, ...change },
        { capabilities: new CapabilityList(["fetch"]), objectFormat: "sha1" },
      ),
    ).toThrow(missing);
  });

  test.for([0, -1, 1.5, 0x8000_0000])("never deepens by %d", (depth, { expect }) => {
    expect(() =>
      encodeUploadRequest(
        { ...base, deepen: { type: "depth", depth } },
        { capabilities: all, stateless: true },
      ),
    ).toThrow(RangeError);
  });

  test("nothing wanted is a flush-pkt; rounds are haves", ({ expect }) => {
    expect(
      String.fromCharCode(
        ...encodeUploadRequest({ wants: [], haves: [A], done: true }, { capabilities: all, stateless: true }),
      ),
    ).toBe("0000");
    expect(encodeHaves({ haves: [A], done: false })).toEqual(packets(`have ${A}\n`, "0000"));
    expect(encodeHaves({ haves: [], done: true })).toEqual(packets("done\n"));
  });

  test("a v2 server reads them, however they are cut", ({ expect }) => {
    const asked = objectFormat.chain((format) =>
      fc.tuple(fc.constant(format), fetchRequest(format), fc.array(refName, { maxLength: 2 }), fc.boolean()),
    );
    fc.assert(
      fc.property(
        asked,
        fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1 }),
        ([format, plain, wantRefs, waitForDone], cuts) => {
          const request: FetchRequest = {
            ...plain,
            ...(wantRefs.length > 0 ? { wantRefs } : {}),
            ...(waitForDone ? { waitForDone } : {}),
          };
          const decoder = new V2CommandDecoder();
          for (const chunk of cutBy(
            encodeFetchRequestV2(request, { capabilities: v2, objectFormat: format }),
            cuts,
          ))
            decoder.feed(chunk);
          const command = decoder.result();
          expect(command?.capabilities.get("object-format")).toBe(format);
          expect(
            command !== undefined && equalFetchRequests(decodeFetchRequestV2(command, format), request),
          ).toBe(true);
        },
      ),
    );
  });

  test("a v0 server reads them, however they are cut", ({ expect }) => {
    const asked = objectFormat.chain((format) => fc.tuple(fc.constant(format), fetchRequest(format)));
    fc.assert(
      fc.property(
        asked,
        fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1 }),
        ([format, request], cuts) => {
          const capabilities = new CapabilityList([...all, `object-format=${format}`]);
          const decoder = new UploadRequestDecoder();
          for (const chunk of cutBy(encodeUploadRequest(request, { capabilities, stateless: true }), cuts))
            decoder.feed(chunk);
          expect(equalFetchRequests(decoder.result().request, request)).toBe(true);
        },
      ),
    );
  });

  test.for([
    ["an unknown argument", packets("command=fetch", "0001", "want-everything", "0000"), "REQUEST_INVALID"],
    ["a bad id", packets("command=fetch", "0001", "want 123", "0000"), "OBJECT_ID_INVALID"],
    ["depth 0", packets("command=fetch", "0001", "deepen 0", "0000"), "REQUEST_INVALID"],
    ["two commands", packets("command=fetch", "command=ls-refs", "0000"), "REQUEST_INVALID"],
    ["no command", packets("agent=x", "0000"), "REQUEST_INVALID"],
    ["a second delim-pkt", packets("command=fetch", "0001", "0001", "0000"), "REQUEST_INVALID"],
    ["no flush-pkt", packets("command=fetch", "0001"), "STREAM_TRUNCATED"],
  ] as const)("a v2 server refuses %s", ([, stream, code], { expect }) => {
    const make = (): Subject => {
      const decoder = new V2CommandDecoder();
      return {
        feed: (chunk) => decoder.feed(chunk),
        finish: () => {
          const command = decoder.result();
          return command && decodeFetchRequestV2(command, "sha1");
        },
      };
    };
    expect(outcome(make, whole(stream))).toBe(`error ${code}`);
    expect(outcome(make, bytewise(stream))).toBe(`error ${code}`);
  });

  test.for([
    ["no want", packets("hello", "0000"), "REQUEST_INVALID"],
    ["a have among wants", packets(`want ${A}\n`, `have ${A}\n`, "0000"), "REQUEST_INVALID"],
    ["a want among haves", packets(`want ${A}\n`, "0000", `want ${A}\n`), "REQUEST_INVALID"],
    ["an end among wants", packets(`want ${A}\n`), "STREAM_TRUNCATED"],
    ["ids of another format", packets(`want ${A} object-format=sha256\n`), "OBJECT_ID_INVALID"],
  ] as const)("a v0 server refuses %s", ([, stream, code], { expect }) => {
    const make = (): Subject => {
      const decoder = new UploadRequestDecoder();
      return { feed: (chunk) => decoder.feed(chunk), finish: () => decoder.result() };
    };
    expect(outcome(make, whole(stream))).toBe(`error ${code}`);
  });

  test("servers bound what they read", ({ expect }) => {
    const exceeded = expect.objectContaining({ code: "LIMIT_EXCEEDED" });
    const limits = { maxRequestLines: 2 };
    expect(() => new V2CommandDecoder({ limits }).feed(packets("command=fetch", "0001", "a", "b"))).toThrow(
      exceeded,
    );
    expect(() =>
      new UploadRequestDecoder({ limits }).feed(packets(`want ${A}`, `want ${A}`, `want ${A}`)),
    ).toThrow(exceeded);
    expect(() =>
      new UploadRequestDecoder({ limits }).feed(packets(`want ${A}`, "0000", "0000", "0000")),
    ).toThrow(exceeded);
  });

  test("a goodbye is no command", ({ expect }) => {
    const decoder = new V2CommandDecoder();
    expect([decoder.feed(wire("0000")), decoder.result()]).toEqual([true, undefined]);
  });
});
