import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

  test("a proxy and further authorities are those of the file, and nobody else's", ({
    expect,
    onTestFinished,
  }) => {
    const folder = mkdtempSync(join(tmpdir(), "gitsync-ca-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "ca.pem"), `-----BEGIN CERTIFICATE-----\n`);
    const policy = egressPolicyOf({
      ...NOTHING,
      proxy: "http://proxy.example.com:3128",
      caFile: join(folder, "ca.pem"),
    });
    expect(policy).toMatchObject({
      proxy: { url: "http://proxy.example.com:3128" },
      ca: "-----BEGIN CERTIFICATE-----\n",
    });
    writeFileSync(join(folder, "key.pem"), "no certificate");
    for (const name of ["key.pem", "none.pem"]) {
      expect(() => egressPolicyOf({ ...NOTHING, caFile: join(folder, name) })).toThrow(
        expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining(name) }),
      );
    }
  });
});
