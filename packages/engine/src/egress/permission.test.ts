import { describe, expect, test } from "vitest";
import { parseLocation } from "../location/parse-location.ts";
import type { EgressPolicy } from "../options.ts";
import { refuseForbidden } from "./permission.ts";

/** `allowed`, or the code of the refusal, for an upload-pack unless told otherwise. */
function verdictOf(
  egress: EgressPolicy,
  url: string,
  service: "git-upload-pack" | "git-receive-pack" = "git-upload-pack",
): string {
  try {
    refuseForbidden(egress, parseLocation(url, "source"), "source", service);
    return "allowed";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : "no code";
  }
}

describe("refuseForbidden()", () => {
  test.for([
    ["https://example.com/a", "allowed", "allowed"],
    ["ssh://example.com/a", "allowed", "allowed"],
    ["host:a", "allowed", "allowed"],
    ["http://example.com/a", "EGRESS_DENIED", "allowed"],
    ["git://example.com/a", "EGRESS_DENIED", "allowed"],
    ["/srv/a", "EGRESS_DENIED", "allowed"],
    ["file:///srv/a", "EGRESS_DENIED", "allowed"],
    ["demo::a", "TRANSPORT_UNSUPPORTED", "TRANSPORT_UNSUPPORTED"],
    ["demo://a", "TRANSPORT_UNSUPPORTED", "TRANSPORT_UNSUPPORTED"],
  ] as const)("%s is %s for public addresses, and %s for any", ([url, inPublic, anywhere]) => {
    expect(verdictOf({ addresses: "public" }, url)).toBe(inPublic);
    expect(verdictOf({ addresses: "any" }, url)).toBe(anywhere);
  });

  test("a policy that names schemes means just those", () => {
    const egress: EgressPolicy = { addresses: "any", schemes: ["git"] };
    expect(verdictOf(egress, "git://example.com/a")).toBe("allowed");
    expect(verdictOf(egress, "https://example.com/a")).toBe("EGRESS_DENIED");
  });

  test("a push over git:// needs a word of its own", () => {
    const url = "git://example.com/a";
    expect(verdictOf({ addresses: "any" }, url, "git-receive-pack")).toBe("EGRESS_DENIED");
    expect(verdictOf({ addresses: "any", gitDaemonPush: true }, url, "git-receive-pack")).toBe("allowed");
  });

  test("a remote helper needs its scheme to be named, or all of them allowed", () => {
    expect(verdictOf({ addresses: "any", helpers: ["demo"] }, "DEMO::a")).toBe("allowed");
    expect(verdictOf({ addresses: "any", helpers: ["other"] }, "demo::a")).toBe("TRANSPORT_UNSUPPORTED");
    expect(verdictOf({ addresses: "any", helpers: "any" }, "demo::a")).toBe("allowed");
  });

  test("a path must lie in a folder that is named, wherever its dots lead", () => {
    const egress: EgressPolicy = { addresses: "public", schemes: ["file"], paths: ["/srv/git"] };
    expect(verdictOf(egress, "/srv/git/a.git")).toBe("allowed");
    expect(verdictOf(egress, "/srv/git")).toBe("allowed");
    for (const path of ["/srv/git/../b", "/srv/github/a", "/srv", "file:///srv/git/%2e%2e/b"]) {
      expect(verdictOf(egress, path)).toBe("EGRESS_DENIED");
    }
  });
});
