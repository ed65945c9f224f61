import fc from "fast-check";
import { describe, test } from "vitest";
import { CapabilityList } from "./capabilities.ts";
import {
  equalFetchRequests,
  equalHaveRounds,
  equalHttpUploadRequests,
  equalUploadRequests,
} from "./equal/fetch.ts";
import type { FetchRequest } from "./fetch-request.ts";
import { decodeFetchRequestV2, encodeFetchRequestV2 } from "./fetch-request-v2.ts";
import type { MessageDecoder } from "./message-decoder.ts";
import { parseObjectId } from "./object-id.ts";
import { parseRefName } from "./ref-name.ts";
import { cuts, objectFormat } from "./testing/arbitraries.ts";
import { concat, packets, wire } from "./testing/bytes.ts";
import { bytewise, cutBy, outcome, type Subject, whole } from "./testing/cuts.ts";
import {
  fetchRequest,
  fetchRequestV2,
  haveRound,
  httpUploadRequest,
  uploadRequest,
} from "./testing/fetch-arbitraries.ts";
import { chooseUploadCapabilities, type UploadRequestOptions } from "./upload-capabilities.ts";
import {
  encodeHaves,
  encodeHttpUploadRequest,
  encodeUploadRequest,
  fetchRequestOf,
  uploadRequestOf,
} from "./upload-request.ts";
import {
  HaveRoundDecoder,
  HttpUploadRequestDecoder,
  UploadRequestDecoder,
} from "./upload-request-decoder.ts";
import { V2CommandDecoder } from "./v2-command.ts";

const A = parseObjectId("a".repeat(40));
const B = parseObjectId("b".repeat(40));

/** The body of a v0 request over HTTP, as a client makes it of what it wants and what the server has. */
function encodeUpload(request: FetchRequest, options: UploadRequestOptions): Uint8Array {
  const { capabilities } = chooseUploadCapabilities(request, options);
  return encodeHttpUploadRequest(uploadRequestOf(request, capabilities));
}

describe("fetch requests", () => {
  const all = new CapabilityList(
    "multi_ack thin-pack side-band side-band-64k ofs-delta shallow deepen-since deepen-not deepen-relative no-progress include-tag multi_ack_detailed no-done filter agent=git/2".split(
      " ",
    ),
  );
  const v2 = new CapabilityList([
    "agent=git/2",
    "ls-refs",
    "fetch=shallow wait-for-done filter ref-in-want sideband-all packfile-uris",
    "object-format=sha1",
  ]);
  const base: FetchRequest = { wants: [A, B], haves: [A], done: true };

  test("v2, byte for byte", ({ expect }) => {
    const request: FetchRequest = {
      ...base,
      ofsDelta: true,
      noProgress: true,
      deepen: { type: "depth", depth: 3, relative: true },
      filter: { type: "blob:none" },
      shallow: [B],
    };
    const text = String.fromCharCode(
      ...encodeFetchRequestV2(request, { capabilities: v2, objectFormat: "sha1", agent: "me" }),
    ).replaceAll("\n", "|");
    expect(text).toBe(
      `0011command=fetch000cagent=me0016object-format=sha10001000fno-progress000dofs-delta0034shallow ${B}000cdeepen 30014deepen-relative|0014filter blob:none0032want ${A}|0032want ${B}|0032have ${A}|0009done|0000`,
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
      ...encodeUpload(request, { capabilities: server, stateless: true, agent: "me" }),
    ).replaceAll("\n", "|");
    expect(text).toContain(
      `want ${A} multi_ack_detailed no-done side-band-64k thin-pack no-progress include-tag ofs-delta deepen-since deepen-not object-format=sha1 agent=me|0032want ${B}|0012deepen-since 5001bdeepen-not refs/heads/x00000032have ${A}|0009done|`,
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
    { filter: { type: "blob:none" } },
    { shallow: [A] },
    { deepen: { type: "depth", depth: 1 } },
    { deepen: { type: "boundary", since: 1 } },
    { wantRefs: [parseRefName("refs/heads/a")] },
    { deepen: { type: "depth", depth: 1, relative: true } },
  ])("says what the server lacks for %j", (change, { expect }) => {
    const missing = expect.objectContaining({ code: "CAPABILITY_MISSING" });
    expect(() =>
      encodeUpload({ ...base, ...change }, { capabilities: new CapabilityList(), stateless: true }),
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
      encodeUpload({ ...base, deepen: { type: "depth", depth } }, { capabilities: all, stateless: true }),
    ).toThrow(RangeError);
  });

  test("nothing wanted is a flush-pkt; rounds are haves", ({ expect }) => {
    expect(
      String.fromCharCode(
        ...encodeUpload({ wants: [], haves: [A], done: true }, { capabilities: all, stateless: true }),
      ),
    ).toBe("0000");
    expect(encodeHaves({ haves: [A], done: false })).toEqual(packets(`have ${A}\n`, "0000"));
    expect(encodeHaves({ haves: [], done: true })).toEqual(packets("done\n"));
  });

  test("a v2 server reads them, however they are cut", ({ expect }) => {
    const asked = objectFormat.chain((format) => fc.tuple(fc.constant(format), fetchRequestV2(format)));
    fc.assert(
      fc.property(asked, cuts, ([format, request], lengths) => {
        const decoder = new V2CommandDecoder();
        const stream = encodeFetchRequestV2(request, { capabilities: v2, objectFormat: format });
        for (const chunk of cutBy(stream, lengths)) decoder.feed(chunk);
        const command = decoder.finish();
        expect(command?.capabilities.get("object-format")).toBe(format);
        expect(
          command !== undefined && equalFetchRequests(decodeFetchRequestV2(command, format), request),
        ).toBe(true);
      }),
    );
  });

  test("a v0 server reads them, however they are cut", ({ expect }) => {
    const asked = objectFormat.chain((format) => fc.tuple(fc.constant(format), fetchRequest(format)));
    fc.assert(
      fc.property(asked, cuts, ([format, request], lengths) => {
        const capabilities = new CapabilityList([...all, `object-format=${format}`]);
        const decoder = new HttpUploadRequestDecoder();
        const stream = encodeUpload(request, { capabilities, stateless: true });
        for (const chunk of cutBy(stream, lengths)) decoder.feed(chunk);
        expect(equalFetchRequests(fetchRequestOf(decoder.finish()), request)).toBe(true);
      }),
    );
  });

  test("an upload-request and its rounds on one connection", ({ expect }) => {
    const asked = objectFormat.chain((format) =>
      fc.tuple(
        uploadRequest(format),
        fc.array(haveRound(format), { minLength: 1, maxLength: 3 }),
        fc.constant(format),
      ),
    );
    fc.assert(
      fc.property(asked, cuts, ([request, rounds, objectFormat], lengths) => {
        let left = concat(encodeUploadRequest(request), ...rounds.map(encodeHaves));
        const read = <Message>(decoder: MessageDecoder<Message>): Message => {
          let seen = 0;
          for (const chunk of cutBy(left, lengths)) {
            seen += chunk.length;
            if (decoder.feed(chunk)) break;
          }
          left = left.subarray(seen - decoder.rest().length);
          return decoder.finish();
        };
        expect(equalUploadRequests(read(new UploadRequestDecoder()), request)).toBe(true);
        for (const round of rounds) {
          expect(equalHaveRounds(read(new HaveRoundDecoder({ objectFormat })), round)).toBe(true);
        }
        expect(left.length).toBe(0);
      }),
    );
  });

  test("over HTTP each request stands alone, and may end behind its deepening", ({ expect }) => {
    const asked = objectFormat.chain((format) => httpUploadRequest(format));
    fc.assert(
      fc.property(asked, cuts, (request, lengths) => {
        const decoder = new HttpUploadRequestDecoder();
        for (const chunk of cutBy(encodeHttpUploadRequest(request), lengths)) decoder.feed(chunk);
        expect(equalHttpUploadRequests(decoder.finish(), request)).toBe(true);
      }),
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
          const command = decoder.finish();
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
    ["an end among haves", packets(`want ${A}\n`, "0000", `have ${A}\n`), "STREAM_TRUNCATED"],
    ["an end among wants", packets(`want ${A}\n`), "STREAM_TRUNCATED"],
    ["ids of another format", packets(`want ${A} object-format=sha256\n`), "OBJECT_ID_INVALID"],
  ] as const)("a v0 server refuses %s", ([, stream, code], { expect }) => {
    const make = (): Subject => {
      const decoder = new HttpUploadRequestDecoder();
      return { feed: (chunk) => decoder.feed(chunk), finish: () => decoder.finish() };
    };
    expect(outcome(make, whole(stream))).toBe(`error ${code}`);
    expect(outcome(make, bytewise(stream))).toBe(`error ${code}`);
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
  });

  test("a goodbye is no command", ({ expect }) => {
    const decoder = new V2CommandDecoder();
    expect([decoder.feed(wire("0000")), decoder.finish()]).toEqual([true, undefined]);
  });
});
