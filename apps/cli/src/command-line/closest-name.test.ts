import { describe, test } from "vitest";
import { closestName } from "./closest-name.ts";

describe("closestName()", () => {
  const flags = ["tags", "target-url", "source-url", "progress", "json", "exclude-ref", "exclude-ref-prefix"];

  test.for([
    ["tag", "tags"],
    ["tgas", "tags"],
    ["porgress", "progress"],
    ["jsno", "json"],
    ["exclude-refs", "exclude-ref"],
    ["target", "target-url"],
    ["sourceurl", "source-url"],
  ] as const)("finds what %s meant", ([typed, meant], { expect }) => {
    expect(closestName(typed, flags)).toBe(meant);
  });

  test.for(["x", "verify", "", "frobnicate"])("names nothing for %j", (typed, { expect }) => {
    expect(closestName(typed, flags)).toBeUndefined();
  });
});
