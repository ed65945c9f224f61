import { RuntimeError } from "@gitsync/runtime";
import { test } from "vitest";
import { failureOf } from "./failure.ts";

test.for([
  [["line 2, adhok: is not known"], "correct the named lines"],
  [["more.yaml: line 2, adhok: is not known"], "correct the named lines"],
  [["the file cannot be read (ENOENT)"], "check the path that --config or GITSYNC_CONFIG gives"],
] as const)("a configuration with %j has a remedy that fits", ([faults, remedy], { expect }) => {
  expect(failureOf(new RuntimeError("CONFIG_INVALID", "no", { faults })).remedy).toBe(remedy);
});
