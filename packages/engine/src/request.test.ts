import { describe, expect, test } from "vitest";
import {
  resolveProbeRequest,
  resolveSyncRequest,
  validatePlanRequest,
  validateProbeRequest,
  validateSyncRequest,
} from "./request.ts";

const sides = { source: { url: "https://a.example/x" }, target: { url: "https://b.example/x" } };

const invalid = (field: string): unknown =>
  expect.objectContaining({ code: "REQUEST_INVALID", details: expect.objectContaining({ field }) });

describe("resolveSyncRequest()", () => {
  test("fills in every default", () => {
    expect(resolveSyncRequest(sides)).toMatchObject({
      policy: {
        mode: "sync",
        force: false,
        prune: false,
        bestEffort: false,
        atomic: false,
        protocol: "auto",
        destructive: "allow",
        maxDeletes: { count: 10, percent: 5 },
        keepArchivesDays: 90,
        verify: "report",
      },
      collectStats: false,
      includeUnchanged: false,
    });
  });

  test.for([
    ["with-lease", true],
    [true, true],
    ["never", false],
    [undefined, false],
  ] as const)("reads force %s as %s", ([force, expected]) => {
    expect(resolveSyncRequest({ ...sides, policy: { force } }).policy.force).toBe(expected);
  });

  test.for([
    [null, ""],
    [{ source: sides.source }, "target"],
    [{ ...sides, extra: 1 }, "extra"],
    [{ ...sides, policy: { mode: "mirror" } }, "policy.mode"],
    [{ ...sides, policy: { mode: "replicate", force: "with-lease" } }, "policy.force"],
    [{ ...sides, scope: { branches: ["a..b"] } }, "scope.branches[0]"],
    [{ ...sides, policy: { maxDeletes: { count: 1 } } }, "policy.maxDeletes.percent"],
  ] as const)("names the faulty field of %j", ([request, field]) => {
    for (const validate of [validateSyncRequest, validatePlanRequest])
      expect(() => validate(request)).toThrow(invalid(field));
  });

  test("refuses what leads nowhere", () => {
    const to =
      (url: string): (() => unknown) =>
      () =>
        validateSyncRequest({ ...sides, target: { url } });
    expect(to("https://a.example/x.git")).toThrow(expect.objectContaining({ code: "SAME_REPOSITORY" }));
    expect(to("https://u:p@b.example/x")).toThrow(expect.objectContaining({ code: "URL_INVALID" }));
    expect(to("ext::sh")).toThrow(expect.objectContaining({ code: "TRANSPORT_UNSUPPORTED" }));
  });

  test("gives back the request that it was given", () => {
    expect(validateSyncRequest(sides)).toBe(sides);
  });
});

describe("resolveProbeRequest()", () => {
  test("needs a source only", () => {
    expect(resolveProbeRequest({ source: sides.source })).toMatchObject({
      target: undefined,
      protocol: "auto",
    });
    expect(validateProbeRequest(sides)).toBe(sides);
    expect(() => validateProbeRequest({})).toThrow(invalid("source"));
  });
});
