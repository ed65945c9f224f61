import { describe, test } from "vitest";
import { encodeCapabilities, parseCapabilities } from "./capabilities.ts";

describe("CapabilityList", () => {
  test("is an ordered multimap", ({ expect }) => {
    const list = parseCapabilities(" a symref=HEAD:refs/heads/x b=  symref=y:z=1 a=2");
    expect(encodeCapabilities(list)).toBe("a symref=HEAD:refs/heads/x b= symref=y:z=1 a=2");
    expect([list.has("a"), list.has("c"), list.get("a"), list.get("b"), list.get("c"), list.size]).toEqual([
      true,
      false,
      undefined,
      "",
      undefined,
      5,
    ]);
    expect(list.getAll("symref")).toEqual(["HEAD:refs/heads/x", "y:z=1"]);
  });

  test.for([
    { name: "" },
    { name: "a b" },
    { name: "a", value: "b c" },
    { name: "a", value: "\n" },
    { name: "a\0" },
  ])("does not write %j", (entry, { expect }) => {
    expect(() => encodeCapabilities([entry])).toThrow(
      expect.objectContaining({ code: "CAPABILITY_INVALID" }),
    );
  });
});
