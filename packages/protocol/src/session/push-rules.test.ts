// What servers do, rightly or wrongly, and what a push makes of it. Each test is named for its rule.

import { describe, test } from "vitest";
import { parseObjectId } from "../object-id.ts";
import { parseRefName } from "../ref-name.ts";
import { concat, packets, wire } from "../testing/bytes.ts";
import { cutBy } from "../testing/cuts.ts";
import { pushTo } from "../testing/scripted-server.ts";
import type { PushPlan } from "./push-session.ts";

const MAIN = parseRefName("refs/heads/main");
const PLAN: PushPlan = { commands: [{ type: "create", ref: MAIN, newId: parseObjectId("a".repeat(40)) }] };
const REPORT = packets("unpack ok\n", "ok refs/heads/main\n", "0000");
const HTTP = { transport: "stateless" } as const;

/** Text of a packet in a band. */
function band(number: 1 | 2 | 3, bytes: Uint8Array): Uint8Array {
  return packets(String.fromCharCode(number, ...bytes));
}

describe("reports", () => {
  test("the packets of a report are cut anywhere by those of side-band", ({ expect }) => {
    for (const lengths of [[1], [4], [5, 3], [9, 2], [1000]]) {
      const pieces = cutBy(REPORT, lengths).map((piece) => band(1, piece));
      for (const way of [{}, HTTP]) {
        expect(pushTo({ ...way, says: [concat(...pieces, wire("0000"))] }, PLAN)).toEqual({
          state: "done",
          progress: "",
          outcome: ["ok refs/heads/main"],
        });
      }
    }
  });

  test("the inner flush-pkt ends the report; what hooks say behind it is heard, to the outer one or the end", ({
    expect,
  }) => {
    const late = concat(band(2, wire("before\n")), band(1, REPORT), band(2, wire("afterwards\n")));
    for (const end of ["", "0000", "00000000"]) {
      expect(pushTo({ ...HTTP, says: [concat(late, wire(end))] }, PLAN)).toEqual({
        state: "done",
        progress: "before\nafterwards\n",
        outcome: ["ok refs/heads/main"],
      });
    }
  });

  test("a report without the side-band that was agreed is read, and other text is refused as no band", ({
    expect,
  }) => {
    expect(pushTo({ says: [REPORT] }, PLAN)).toMatchObject({ outcome: ["ok refs/heads/main"] });
    expect(pushTo({ says: [packets("hello\n", "0000")] }, PLAN)).toEqual({
      state: "failed",
      error: "SIDEBAND_INVALID",
      progress: "",
      outcome: "unknown",
    });
  });

  test("band 3 is an error of the server, and leaves the outcome open", ({ expect }) => {
    const says = [concat(band(2, wire("so far\n")), band(3, wire("fatal: disk full\n")), wire("0000"))];
    expect(pushTo({ says }, PLAN)).toEqual({
      state: "failed",
      error: "REMOTE_ERROR: fatal: disk full",
      progress: "so far\n",
      outcome: "unknown",
    });
  });

  test("ERR in place of a report is an error of the server", ({ expect }) => {
    expect(pushTo({ says: [packets("ERR not today\n")] }, PLAN)).toMatchObject({
      state: "failed",
      error: "REMOTE_ERROR: not today",
    });
  });

  test("an empty packet before, in or behind a report is a sign of life", ({ expect }) => {
    const life = packets("\u0001", "\u0002", "\u0001");
    const pieces = cutBy(REPORT, [7]).map((piece) => concat(life, band(1, piece)));
    expect(pushTo({ says: [concat(...pieces, life, wire("0000"))] }, PLAN)).toMatchObject({
      outcome: ["ok refs/heads/main"],
    });
  });

  test("what a server says can draw nothing on a terminal", ({ expect }) => {
    const evil = packets("unpack ok\n", "ng refs/heads/main \u001b]0;owned\u0007\u009b2J\n", "0000");
    const { outcome } = pushTo({ says: [band(1, evil), wire("0000")] }, PLAN);
    expect(JSON.stringify(outcome)).not.toMatch(/\p{Cc}|\\u00[019]/u);
    expect(outcome).toEqual([expect.stringMatching(/^ng refs\/heads\/main .*owned/)]);
  });
});
