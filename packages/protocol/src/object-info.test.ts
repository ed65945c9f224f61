import fc from "fast-check";
import { describe, test } from "vitest";
import { CapabilityList } from "./capabilities.ts";
import { equalObjectInfoRequests, equalObjectInfos } from "./equal/fetch.ts";
import { parseObjectId } from "./object-id.ts";
import {
  decodeObjectInfoRequest,
  encodeObjectInfo,
  encodeObjectInfoRequest,
  ObjectInfoDecoder,
} from "./object-info.ts";
import { cuts, objectFormat } from "./testing/arbitraries.ts";
import { packets } from "./testing/bytes.ts";
import { bytewise, cutBy, outcome, type Subject, whole } from "./testing/cuts.ts";
import { objectInfo, objectInfoRequest } from "./testing/fetch-arbitraries.ts";
import { V2CommandDecoder } from "./v2-command.ts";

const A = parseObjectId("a".repeat(40));
const session = (...list: readonly string[]) => ({
  capabilities: new CapabilityList(list),
  objectFormat: "sha1" as const,
});

describe("object-info", () => {
  test("a request is read as it was written", ({ expect }) => {
    const asked = objectFormat.chain((format) => fc.tuple(fc.constant(format), objectInfoRequest(format)));
    fc.assert(
      fc.property(asked, cuts, ([objectFormat, request], lengths) => {
        const capabilities = new CapabilityList(["object-info", "object-format=sha1"]);
        const stream = encodeObjectInfoRequest(request, { capabilities, objectFormat });
        const decoder = new V2CommandDecoder();
        for (const chunk of cutBy(stream, lengths)) decoder.feed(chunk);
        const command = decoder.finish();
        expect(command?.command).toBe("object-info");
        expect(
          command !== undefined &&
            equalObjectInfoRequests(decodeObjectInfoRequest(command, objectFormat), request),
        ).toBe(true);
      }),
    );
  });

  test("an answer is read as it was written", ({ expect }) => {
    const answers = objectFormat.chain((format) => fc.tuple(fc.constant(format), objectInfo(format)));
    fc.assert(
      fc.property(answers, cuts, ([objectFormat, info], lengths) => {
        const decoder = new ObjectInfoDecoder({ objectFormat });
        for (const chunk of cutBy(encodeObjectInfo(info), lengths)) decoder.feed(chunk);
        expect(equalObjectInfos(decoder.finish(), info)).toBe(true);
      }),
    );
  });

  test.for([
    [["object-info"], undefined],
    [["object-info=size"], undefined],
    [["object-info="], "CAPABILITY_MISSING"],
    [["object-info=type"], "CAPABILITY_MISSING"],
    [["fetch"], "CAPABILITY_MISSING"],
  ] as const)("of a server with %j sizes are asked or not: %s", ([list, code], { expect }) => {
    const ask = () => encodeObjectInfoRequest({ size: true, oids: [A] }, session(...list));
    if (code === undefined) expect(ask).not.toThrow();
    else expect(ask).toThrow(expect.objectContaining({ code }));
  });

  test("a server refuses arguments that are none", ({ expect }) => {
    const command = { command: "object-info", capabilities: new CapabilityList(), args: ["size", "type"] };
    expect(() => decodeObjectInfoRequest(command, "sha1")).toThrow(
      expect.objectContaining({ code: "REQUEST_INVALID" }),
    );
  });

  test.for([
    ["a size that was not promised", packets(`${A} 5`, "0000"), "OBJECT_INFO_INVALID"],
    ["no size though promised", packets("size", A, "0000"), "OBJECT_INFO_INVALID"],
    ["an id of another format", packets("size", `${"a".repeat(64)} 5`, "0000"), "OBJECT_INFO_INVALID"],
    ["a size that is too large", packets("size", `${A} 9999999999999999`, "0000"), "OBJECT_INFO_INVALID"],
    ["a delim-pkt", packets("size", "0001"), "DELIM_UNEXPECTED"],
    ["a response-end-pkt", packets("0002"), "RESPONSE_END_UNEXPECTED"],
    ["ERR", packets("ERR no\n"), "REMOTE_ERROR"],
    ["no flush-pkt", packets("size"), "STREAM_TRUNCATED"],
  ] as const)("an answer with %s is refused", ([, stream, code], { expect }) => {
    const make = (): Subject => new ObjectInfoDecoder({ objectFormat: "sha1" });
    expect(outcome(make, whole(stream))).toBe(`error ${code}`);
    expect(outcome(make, bytewise(stream))).toBe(`error ${code}`);
  });

  test.for(["maxResponseLines", "maxResponseBytes"] as const)(
    "an answer is bounded by %s",
    (limit, { expect }) => {
      const decoder = new ObjectInfoDecoder({ objectFormat: "sha1", limits: { [limit]: 1 } });
      expect(() => decoder.feed(packets("size", `${A} 1`))).toThrow(
        expect.objectContaining({ code: "LIMIT_EXCEEDED", details: { limit } }),
      );
    },
  );
});
