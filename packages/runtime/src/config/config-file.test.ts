import { describe, expect, test } from "vitest";
import { loadConfig, parseConfig } from "./config-file.ts";
import { DEFAULT_FLEET_CONFIG } from "./fleet-config.ts";

function faultsOf(text: string): readonly string[] {
  try {
    parseConfig(text, "mirrors.yaml");
  } catch (error) {
    expect(error).toMatchObject({ name: "RuntimeError", code: "CONFIG_INVALID" });
    expect(String(error)).toMatch(/^RuntimeError: mirrors\.yaml cannot be used:\n {2}/);
    return (error as { details: { faults: readonly string[] } }).details.faults;
  }
  return [];
}

describe("parseConfig()", () => {
  test("takes the smallest file as the defaults", () => {
    expect(parseConfig("version: 1\n", "f")).toEqual(DEFAULT_FLEET_CONFIG);
  });

  test("reads what it knows", () => {
    const text = `
version: 1
egress:
  allow: [{ cidr: 10.0.0.0/8, ports: [443, 22] }, { cidr: "fd00::/8" }]
  schemes: [https, ssh, http]
  paths: [/srv/git]
  proxy: null
  caFile:
adhoc: true
`;
    expect(parseConfig(text, "f")).toEqual({
      ...DEFAULT_FLEET_CONFIG,
      egress: {
        allow: [
          { cidr: "10.0.0.0/8", ports: [443, 22] },
          { cidr: "fd00::/8", ports: undefined },
        ],
        schemes: ["https", "ssh", "http"],
        paths: ["/srv/git"],
        proxy: null,
        caFile: null,
      },
      adhoc: true,
    });
  });

  test("follows anchors", () => {
    const text = "version: 1\negress:\n  allow:\n    - &lan { cidr: 10.0.0.0/8 }\n    - *lan\n";
    expect(parseConfig(text, "f").egress.allow).toHaveLength(2);
  });

  test("lists every fault with its line and path", () => {
    const text = `version: 2
egress:
  allow:
    - { cidr: 10.0.0.0, ports: [443] }
    - { ports: [1] }
    - { cidr: 10.0.0.0/33 }
    - cidr: 10.0.0.0/8
      ports: [0, 70000, "22"]
    - { cidr: 10.0.0.0/8, ports: [] }
  schemes: [https, gopher]
  paths: [relative]
  proxy: http://proxy
  dns: off
adhoc: maybe
mirrors: []
mirror: []
`;
    expect(faultsOf(text)).toEqual([
      "line 1, version: this version of git-sync reads version: 1 only",
      "line 4, egress.allow[0].cidr: is not a network like 10.0.0.0/8 or fd00::/8",
      "line 5, egress.allow[1]: cidr is missing",
      "line 6, egress.allow[2].cidr: is not a network like 10.0.0.0/8 or fd00::/8",
      "line 8, egress.allow[3].ports[0]: is not a port from 1 to 65535",
      "line 8, egress.allow[3].ports[1]: is not a port from 1 to 65535",
      "line 8, egress.allow[3].ports[2]: is not a port from 1 to 65535",
      "line 9, egress.allow[4].ports: is empty: leave it out for every port",
      "line 10, egress.schemes[1]: is not one of https, http, ssh, git, file",
      "line 11, egress.paths[0]: is not an absolute path",
      "line 12, egress.proxy: not known in this version, except as null",
      "line 13, egress.dns: unknown key; known here: allow, schemes, paths, proxy, caFile",
      "line 14, adhoc: is neither true nor false",
      "line 15, mirrors: not known in this version",
      "line 16, mirror: unknown key; known here: version, egress, adhoc",
    ]);
  });

  test.for([
    ["", ["line 1: version is missing: begin the file with version: 1"]],
    [
      "- 1\n",
      [
        "line 1: is not a mapping of keys to values",
        "line 1: version is missing: begin the file with version: 1",
      ],
    ],
    ["adhoc: true\n", ["line 1: version is missing: begin the file with version: 1"]],
    ["version: 1\negress: 5\n", ["line 2, egress: is not a mapping of keys to values"]],
    ["version: 1\negress:\n  allow: {}\n", ["line 3, egress.allow: is not a list"]],
    ["version: 1\nadhoc: true\nadhoc: false\n", ["line 3: Map keys must be unique at line 3, column 1:"]],
  ] as const)("says what is wrong with %j", ([text, faults]) => {
    expect(faultsOf(text)).toEqual(faults);
  });

  test("does not expand a bomb of aliases", () => {
    const levels = Array.from({ length: 30 }, (_, n) => `  l${n + 1}: &l${n + 1} [*l${n}, *l${n}, *l${n}]`);
    const startedAt = performance.now();
    expect(faultsOf(`version: 1\negress:\n  l0: &l0 [1]\n${levels.join("\n")}\n`).length).toBeGreaterThan(0);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test("takes no tag that would run code", () => {
    expect(faultsOf('version: 1\nadhoc: !!js/function "() => 1"\n')[0]).toMatch(/^line 2: Unresolved tag/);
  });
});

describe("loadConfig()", () => {
  test("names a file that cannot be read", async () => {
    await expect(loadConfig("/nonexistent/mirrors.yaml")).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("/nonexistent/mirrors.yaml"),
    });
  });
});
