import fc from "fast-check";
import { describe, test } from "vitest";
import { equalNegotiationResults } from "./equal/fetch.ts";
import {
  decodeNegotiationResult,
  encodeNegotiationResult,
  negotiationResultOf,
} from "./negotiation-result.ts";
import { parseObjectId } from "./object-id.ts";
import { objectFormat } from "./testing/arbitraries.ts";
import { wire } from "./testing/bytes.ts";
import { negotiationResult } from "./testing/fetch-arbitraries.ts";

const A = parseObjectId("a".repeat(40));
const B = parseObjectId("b".repeat(40));

describe("negotiation result", () => {
  test("is read as it was written", ({ expect }) => {
    fc.assert(
      fc.property(
        objectFormat.chain((format) => negotiationResult(format)),
        (result) => {
          const payload = encodeNegotiationResult(result).subarray(4);
          expect(equalNegotiationResults(decodeNegotiationResult(payload), result)).toBe(true);
        },
      ),
    );
  });

  test.for(["NAKED", "ACK", `ACK ${A} common`, `ACK ${A.slice(1)}`, "", "PACK"])(
    "is not %j",
    (text, { expect }) => {
      expect(() => decodeNegotiationResult(wire(text))).toThrow(
        expect.objectContaining({ code: "ACK_INVALID" }),
      );
    },
  );

  test("line ends behind the message of an error are no part of it", ({ expect }) => {
    const result = decodeNegotiationResult(wire("ERR not\nhere\n\n"));
    expect(result).toEqual({ type: "error", message: "not\nhere" });
    expect(decodeNegotiationResult(encodeNegotiationResult(result).subarray(4))).toEqual(result);
  });

  test("the message of an error is made safe", ({ expect }) => {
    expect(decodeNegotiationResult(wire("ERR a\u001b[2Jb\n"))).toEqual({
      type: "error",
      message: "a\\u{1b}[2Jb",
    });
  });

  test("of a round: the final ACK counts, wherever it stands, then the NAK", ({ expect }) => {
    const common = { oid: A, status: "common" } as const;
    const final = { oid: B, status: "final" } as const;
    expect(negotiationResultOf({ acks: [common, final], nak: true, ready: true })).toEqual({
      type: "ack",
      oid: B,
    });
    expect(negotiationResultOf({ acks: [common], nak: true, ready: false })).toEqual({ type: "nak" });
    expect(negotiationResultOf({ acks: [common], nak: false, ready: false })).toBeUndefined();
  });
});
