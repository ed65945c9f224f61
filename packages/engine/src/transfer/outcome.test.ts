import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { id, listed, ref, refs } from "../testing/values.ts";
import { judgeByListing, reportsAllApplied } from "./outcome.ts";
import { REFUSALS } from "./refusal.ts";

const main = ref("main");
const UPDATE = { type: "update", ref: main, oldId: id(1), newId: id(2) } as const;
const CREATE = { type: "create", ref: main, newId: id(2) } as const;
const DELETE = { type: "delete", ref: main, oldId: id(1) } as const;

/** What targets say, what they might say, and what would be read as good news. */
const words = fc.oneof(
  fc.constantFrom(...REFUSALS.flatMap(({ says }) => says.map(([, text]) => text))),
  fc.constantFrom(
    "ok",
    "already exists",
    "stale info",
    "fetch first",
    "remote ref has changed",
    "up to date",
  ),
  fc.string(),
);

describe("judgeByListing()", () => {
  test.for([
    ["is applied where it should be", UPDATE, { main: 2 }, "applied"],
    ["is refused where it was", UPDATE, { main: 1 }, "refused"],
    ["has lost its lease elsewhere", UPDATE, { main: 3 }, "lease-lost"],
    ["has lost its lease when it is gone", UPDATE, {}, "lease-lost"],
    ["that is made is applied where it should be", CREATE, { main: 2 }, "applied"],
    ["that is made is refused where there is none", CREATE, {}, "refused"],
    ["that is made has lost its lease elsewhere", CREATE, { main: 3 }, "lease-lost"],
    ["that is deleted is applied where there is none", DELETE, {}, "applied"],
    ["that is deleted is refused where it was", DELETE, { main: 1 }, "refused"],
    ["that is deleted has lost its lease elsewhere", DELETE, { main: 3 }, "lease-lost"],
  ] as const)("a ref %s, whatever the target says", ([, command, now, outcome]) => {
    fc.assert(
      fc.property(fc.option(words, { nil: undefined }), (text) => {
        const verdicts = judgeByListing([command], listed(refs(now)), () => text);
        expect(verdicts.get(main)?.outcome).toBe(outcome);
      }),
    );
  });
});

describe("reportsAllApplied()", () => {
  test("takes no words for an ok", () => {
    fc.assert(
      fc.property(words, (reason) => {
        const commands = [{ type: "ng" as const, ref: main, reason }];
        expect(reportsAllApplied([UPDATE], { unpack: { ok: true }, commands })).toBe(false);
      }),
    );
    const other = [{ type: "ok" as const, ref: ref("other"), options: {} }];
    expect(reportsAllApplied([UPDATE], { unpack: { ok: true }, commands: other }), "of another ref").toBe(
      false,
    );
    expect(reportsAllApplied([UPDATE], undefined), "no report").toBe(false);
  });
});
