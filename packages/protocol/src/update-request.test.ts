import fc from "fast-check";
import { describe, test } from "vitest";
import { CapabilityList, encodeCapabilities } from "./capabilities.ts";
import { equalUpdateRequests } from "./equal/push.ts";
import { parseObjectId } from "./object-id.ts";
import { decodeRefName, parseRefName } from "./ref-name.ts";
import { needsPack, type RefUpdateCommand } from "./ref-update-command.ts";
import { cuts, objectFormat } from "./testing/arbitraries.ts";
import { concat, packets, wire } from "./testing/bytes.ts";
import { bytewise, cutBy, outcome, type Subject, whole } from "./testing/cuts.ts";
import { updateRequest } from "./testing/push-arbitraries.ts";
import { chooseUpdateCapabilities } from "./update-capabilities.ts";
import { encodeUpdateRequest } from "./update-request.ts";
import { UpdateRequestDecoder } from "./update-request-decoder.ts";

const A = parseObjectId("a".repeat(40));
const B = parseObjectId("b".repeat(40));
const ref = parseRefName("refs/heads/x");

describe("encodeUpdateRequest()", () => {
  test("byte for byte, without LF and with git's space before the capabilities", ({ expect }) => {
    const list: RefUpdateCommand[] = [
      { type: "create", ref, newId: A },
      { type: "update", ref, oldId: A, newId: B },
      { type: "delete", ref, oldId: B },
    ];
    const zero = "0".repeat(40);
    expect(
      encodeUpdateRequest({
        commands: list,
        capabilities: ["report-status", "push-options"],
        objectFormat: "sha1",
        shallow: [B],
        pushOptions: ["ci.skip"],
      }),
    ).toEqual(
      packets(
        `shallow ${B}\n`,
        `${zero} ${A} refs/heads/x\0 report-status push-options`,
        `${A} ${B} refs/heads/x`,
        `${B} ${zero} refs/heads/x`,
        "0000",
        "ci.skip",
        "0000",
      ),
    );
    expect(
      encodeUpdateRequest({ commands: [], capabilities: ["report-status"], objectFormat: "sha1" }),
    ).toEqual(packets("0000"));
  });

  test.for(["refs/heads/a\nb", "refs/heads/a\0report-status", "refs/heads/..", "x"])(
    "does not put %j on the wire",
    (name, { expect }) => {
      const command: RefUpdateCommand = {
        type: "create",
        ref: decodeRefName(new TextEncoder().encode(name)),
        newId: A,
      };
      expect(() =>
        encodeUpdateRequest({ commands: [command], capabilities: [], objectFormat: "sha1" }),
      ).toThrow(expect.objectContaining({ code: "REF_NAME_INVALID" }));
    },
  );

  test("refuses ids of another format, options with line ends, options that were not agreed", ({
    expect,
  }) => {
    const command: RefUpdateCommand = { type: "create", ref, newId: A };
    const encode = (change: object) => () =>
      encodeUpdateRequest({ commands: [command], capabilities: [], objectFormat: "sha1", ...change });
    expect(encode({ objectFormat: "sha256" })).toThrow(
      expect.objectContaining({ code: "OBJECT_ID_INVALID" }),
    );
    expect(encode({ pushOptions: ["x"] })).toThrow(expect.objectContaining({ code: "CAPABILITY_MISSING" }));
    expect(encode({ pushOptions: ["a\nb"], capabilities: ["push-options"] })).toThrow(
      expect.objectContaining({ code: "REQUEST_INVALID" }),
    );
    expect(encode({ capabilities: ["a b"] })).toThrow(
      expect.objectContaining({ code: "CAPABILITY_INVALID" }),
    );
  });

  test("a pack follows unless all commands delete", ({ expect }) => {
    expect([
      needsPack([]),
      needsPack([{ type: "delete", ref, oldId: A }]),
      needsPack([
        { type: "delete", ref, oldId: A },
        { type: "create", ref, newId: A },
      ]),
    ]).toEqual([false, false, true]);
  });

  test("a server reads it, signed or not, and the pack begins where it ends", ({ expect }) => {
    const pushes = objectFormat.chain((format) => updateRequest(format));
    fc.assert(
      fc.property(pushes, cuts, (request, lengths) => {
        const stream = concat(encodeUpdateRequest(request), wire("PACK\0\0\0\u0002"));
        const decoder = new UpdateRequestDecoder();
        let rest = "";
        let done = false;
        for (const chunk of cutBy(stream, lengths)) {
          if (done) rest += String.fromCharCode(...chunk);
          else if ((done = decoder.feed(chunk))) rest = String.fromCharCode(...decoder.rest());
        }
        expect(equalUpdateRequests(decoder.finish(), request)).toBe(true);
        expect(rest).toBe("PACK\0\0\0\u0002");
      }),
    );
  });

  test.for([
    [
      "a command that does nothing",
      packets(`${"0".repeat(40)} ${"0".repeat(40)} refs/heads/a\0`, "0000"),
      "REQUEST_INVALID",
    ],
    ["a strange line", packets("push-cert\0x", "0000"), "CERTIFICATE_INVALID"],
    ["a bad name", packets(`${A} ${B} refs/heads/../x\0`, "0000"), "REF_NAME_INVALID"],
    ["no flush-pkt", packets(`${A} ${B} refs/heads/x\0`), "STREAM_TRUNCATED"],
  ] as const)("a server refuses %s", ([, stream, code], { expect }) => {
    const make = (): Subject => {
      const decoder = new UpdateRequestDecoder();
      return { feed: (chunk) => decoder.feed(chunk), finish: () => decoder.finish() };
    };
    expect(outcome(make, whole(stream))).toBe(`error ${code}`);
    expect(outcome(make, bytewise(stream))).toBe(`error ${code}`);
  });
});

describe("chooseUpdateCapabilities()", () => {
  const server = new CapabilityList(
    "report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta object-format=sha1 agent=git/2 push-options".split(
      " ",
    ),
  );
  test("takes one report-status and what was wished for, in git's order", ({ expect }) => {
    const choose = (from: CapabilityList, change: object): string =>
      encodeCapabilities(chooseUpdateCapabilities(from, { objectFormat: "sha1", ...change }));
    expect(choose(server, {})).toBe("report-status-v2 side-band-64k object-format=sha1");
    expect(choose(server, { atomic: true, quiet: true, pushOptions: true, agent: "me" })).toBe(
      "report-status-v2 side-band-64k quiet atomic push-options object-format=sha1 agent=me",
    );
    expect(choose(new CapabilityList(["report-status"]), { atomic: true, agent: "me" })).toBe(
      "report-status",
    );
    expect(() => choose(server, { objectFormat: "sha256" })).toThrow(
      expect.objectContaining({ code: "OBJECT_FORMAT_UNSUPPORTED" }),
    );
  });
});
