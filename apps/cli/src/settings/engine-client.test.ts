import { describe, test } from "vitest";
import { egressPolicyOf } from "./engine-client.ts";

const NOTHING = { allow: [], schemes: ["https", "ssh"], paths: [], proxy: null, caFile: null } as const;

describe("egressPolicyOf()", () => {
  test("public addresses only, unless a network is named", ({ expect }) => {
    expect(egressPolicyOf(NOTHING)).toEqual({
      addresses: "public",
      allow: [],
      schemes: ["https", "ssh"],
      paths: [],
    });
    const allow = [
      { cidr: "10.0.0.0/8", ports: [443] },
      { cidr: "fd00::/8", ports: undefined },
    ];
    expect(egressPolicyOf({ ...NOTHING, allow }).allow).toEqual([
      { cidr: "10.0.0.0/8", ports: [443] },
      { cidr: "fd00::/8" },
    ]);
  });

  test("a local path needs a folder that was named: the scheme alone opens nothing", ({ expect }) => {
    expect(egressPolicyOf({ ...NOTHING, schemes: ["https", "file"] }).schemes).toEqual(["https"]);
    expect(egressPolicyOf({ ...NOTHING, paths: ["/srv/git"] })).toMatchObject({
      schemes: ["https", "ssh", "file"],
      paths: ["/srv/git"],
    });
  });
});
