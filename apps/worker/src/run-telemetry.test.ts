import { expect, test } from "vitest";
import { snakeCased } from "./run-telemetry.ts";

test("snakeCased() renames members at every depth and leaves values alone", () => {
  expect(snakeCased({ runId: "aB", refs: [{ targetRef: "refs/heads/aB" }], n: 1, none: null })).toEqual({
    run_id: "aB",
    refs: [{ target_ref: "refs/heads/aB" }],
    n: 1,
    none: null,
  });
});
