import fc from "fast-check";
import { describe, test } from "vitest";
import { CapabilityList } from "./capabilities.ts";
import { equalLsRefsRequests, equalLsRefsResults } from "./equal/advertisement.ts";
import { LsRefsDecoder } from "./ls-refs.ts";
import { encodeLsRefsResponse } from "./ls-refs-encoder.ts";
import { decodeLsRefsRequest, encodeLsRefsRequest } from "./ls-refs-request.ts";
import { parseObjectId } from "./object-id.ts";
import { parseRefName } from "./ref-name.ts";
import { advertisedRefs, objectFormat, refName } from "./testing/arbitraries.ts";
import { packets, wire } from "./testing/bytes.ts";
import { bytewise, cutBy, everyCut, outcome, type Subject, whole } from "./testing/cuts.ts";
import { V2CommandDecoder } from "./v2-command.ts";

const A = "a".repeat(40);
const B = "b".repeat(40);

describe("ls-refs", () => {
  const server = new CapabilityList(["agent=git/2", "ls-refs=unborn", "fetch", "object-format=sha1"]);

  test("sends what the server advertised, and no more", ({ expect }) => {
    const ask = {
      objectFormat: "sha1",
      agent: "git/x y",
      peel: true,
      symrefs: true,
      unborn: true,
      prefixes: ["HEAD", "refs/"],
    } as const;
    const text = (capabilities: CapabilityList): string =>
      String.fromCharCode(...encodeLsRefsRequest({ ...ask, capabilities })).replaceAll("\n", "|");
    expect(text(server)).toBe(
      "0014command=ls-refs|0011agent=git/x.y0016object-format=sha100010009peel|000csymrefs|000bunborn|0014ref-prefix HEAD|0015ref-prefix refs/|0000",
    );
    expect(text(new CapabilityList(["ls-refs"]))).toBe(
      "0014command=ls-refs|00010009peel|000csymrefs|0014ref-prefix HEAD|0015ref-prefix refs/|0000",
    );
    expect(() => text(new CapabilityList(["fetch"]))).toThrow(
      expect.objectContaining({ code: "CAPABILITY_MISSING" }),
    );
  });

  test("a server reads it", ({ expect }) => {
    const request = {
      peel: true,
      symrefs: false,
      unborn: true,
      prefixes: ["refs/heads/", "refs/tags/\udce9"],
    };
    for (const chunks of everyCut(
      encodeLsRefsRequest({ ...request, capabilities: server, objectFormat: "sha1" }),
    )) {
      const decoder = new V2CommandDecoder();
      for (const chunk of chunks) decoder.feed(chunk);
      const command = decoder.finish();
      expect(command?.command).toBe("ls-refs");
      expect(command !== undefined && equalLsRefsRequests(decodeLsRefsRequest(command), request)).toBe(true);
    }
  });

  test("answers survive the wire in any pieces", ({ expect }) => {
    const answers = objectFormat.chain((format) =>
      fc.record({
        format: fc.constant(format),
        refs: advertisedRefs(format, true),
        unbornHead: fc.option(refName, { nil: undefined }),
      }),
    );
    fc.assert(
      fc.property(
        answers,
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
        ({ format, refs, unbornHead }, cuts) => {
          const result = unbornHead === undefined ? { refs } : { refs, unbornHead };
          const decoder = new LsRefsDecoder({ objectFormat: format });
          for (const chunk of cutBy(encodeLsRefsResponse(result), cuts)) decoder.feed(chunk);
          expect(equalLsRefsResults(decoder.finish(), { ...result, invalidNames: [] })).toBe(true);
        },
      ),
    );
  });

  test.for([
    [
      "attributes in any order, unknown ones ignored",
      packets(`${A} refs/tags/v future:1 peeled:${B} x symref-target:refs/a/b\n`, "0000"),
      [{ name: "refs/tags/v", oid: A, peeled: B, symrefTarget: "refs/a/b" }],
    ],
    [
      "an invalid name",
      packets(`${A} refs/../x peeled:${B}\n`, `${A} HEAD`, "0000"),
      [{ name: "HEAD", oid: A }],
    ],
    ["an unknown unborn ref", packets("unborn refs/heads/x\n", "0000"), []],
  ] as const)("reads %s", ([, stream, refs], { expect }) => {
    const decoder = new LsRefsDecoder({ objectFormat: "sha1" });
    expect(decoder.feed(stream)).toBe(true);
    expect(decoder.finish().refs).toEqual(refs);
  });

  test.for([
    ["ERR", packets("ERR no\n"), "REMOTE_ERROR"],
    ["a line without id", packets("hello world\n", "0000"), "REF_LINE_INVALID"],
    ["a bad peeled id", packets(`${A} refs/tags/v peeled:123\n`, "0000"), "REF_LINE_INVALID"],
    ["a delim-pkt", packets("0001"), "DELIM_UNEXPECTED"],
    ["a response-end-pkt", packets("0002"), "RESPONSE_END_UNEXPECTED"],
    ["no flush-pkt", packets(`${A} HEAD\n`), "STREAM_TRUNCATED"],
    ["a cut packet", packets(`${A} HEAD\n`).subarray(0, 20), "PKT_TRUNCATED"],
    ["a page", wire("<html>"), "NOT_GIT"],
  ] as const)("refuses %s", ([, stream, code], { expect }) => {
    const make = (): Subject => {
      const decoder = new LsRefsDecoder({ objectFormat: "sha1" });
      return { feed: (chunk) => decoder.feed(chunk), finish: () => decoder.finish() };
    };
    expect(outcome(make, whole(stream))).toBe(`error ${code}`);
    expect(outcome(make, bytewise(stream))).toBe(`error ${code}`);
  });

  test("HEAD and its target come from the name, not from its place", ({ expect }) => {
    const stream = encodeLsRefsResponse({
      refs: [
        { name: parseRefName("refs/heads/a"), oid: parseObjectId(A) },
        { name: parseRefName("HEAD"), oid: parseObjectId(A), symrefTarget: parseRefName("refs/heads/a") },
      ],
    });
    const decoder = new LsRefsDecoder({ objectFormat: "sha1" });
    decoder.feed(stream);
    expect(decoder.finish().refs[1]).toEqual({ name: "HEAD", oid: A, symrefTarget: "refs/heads/a" });
  });
});
