import { describe, expect, test } from "vitest";
import { redirectedBase } from "./redirect.ts";

const TAIL = "/info/refs?service=git-upload-pack";
const FACTS = { side: "source", url: "https://a.example/x", phase: "info/refs" } as const;

function follow(
  location: string | undefined,
  origin = "https://a.example",
): { origin: string; base: string } {
  return redirectedBase(location, { origin, base: "/x", service: "git-upload-pack" }, FACTS);
}

describe("redirectedBase()", () => {
  test.for([
    [`https://a.example/y.git${TAIL}`, "https://a.example", "/y.git"],
    [`/y.git${TAIL}`, "https://a.example", "/y.git"],
    [`//b.example/y${TAIL}`, "https://b.example", "/y"],
    [`https://b.example:8443/y${TAIL}`, "https://b.example:8443", "/y"],
    [`https://b.example${TAIL}`, "https://b.example", ""],
    [`refs?service=git-upload-pack`, "https://a.example", "/x"],
  ] as const)("follows %s", ([location, origin, base]) => {
    expect(follow(location)).toEqual({ origin, base });
  });

  test("follows from http to https and not back", () => {
    expect(follow(`https://a.example/y${TAIL}`, "http://a.example")).toMatchObject({
      origin: "https://a.example",
    });
    expect(() => follow(`http://a.example/y${TAIL}`)).toThrow(
      expect.objectContaining({ code: "REDIRECT_REFUSED" }),
    );
  });

  test.for([
    [undefined, "REDIRECT_REFUSED"],
    ["https://", "REDIRECT_REFUSED"],
    ["https://b.example/login", "REDIRECT_REFUSED"],
    ["https://b.example/y/info/refs", "REDIRECT_REFUSED"],
    ["https://b.example/y/info/refs?service=git-receive-pack", "REDIRECT_REFUSED"],
    [`https://user:secret@b.example/y${TAIL}`, "REDIRECT_REFUSED"],
    [`https://b.example/y${TAIL}&x=1`, "REDIRECT_REFUSED"],
    [`file:///etc${TAIL}`, "REDIRECT_REFUSED"],
    [`gopher://b.example/y${TAIL}`, "REDIRECT_REFUSED"],
    [`https://b.example/y%0d%0a${TAIL}`, "URL_INVALID"],
    [`https://b.example/y?x${TAIL}`, "URL_INVALID"],
  ] as const)("refuses %s with %s", ([location, code]) => {
    expect(() => follow(location)).toThrow(expect.objectContaining({ code }));
  });

  test("does not repeat a secret of the redirect", () => {
    expect(() => follow(`https://user:canary@b.example/y${TAIL}`)).not.toThrow(/canary/u);
  });
});
