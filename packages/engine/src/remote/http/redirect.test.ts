import { describe, expect, test } from "vitest";
import { redirectedBase } from "./redirect.ts";

const TAIL = "/info/refs?service=git-upload-pack";
const FACTS = { side: "source", url: "https://a.example/x", phase: "info/refs" } as const;

function follow(
  location: string | undefined,
  origin = "https://a.example",
  hadSecret = false,
): { origin: string; base: string } {
  return redirectedBase(location, { origin, base: "/x", service: "git-upload-pack", hadSecret }, FACTS);
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
    ["https://b.example/welcome", "REDIRECT_REFUSED"],
    ["https://b.example/designing/blog", "REDIRECT_REFUSED"],
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

  test.for([
    "https://b.example/login",
    "/users/sign_in",
    "https://login.b.example/common/authorize?client=x",
    "https://a.example/_signin?realm=a.example&reply_to=https%3A%2F%2Fa.example",
    "https://b.example/oauth2/authorize",
    "https://b.example/saml",
  ])("takes %s for a wish for credentials, and with some for a refusal of them", (location) => {
    expect(() => follow(location)).toThrow(expect.objectContaining({ code: "AUTH_REQUIRED" }));
    expect(() => follow(location, "https://a.example", true)).toThrow(
      expect.objectContaining({ code: "AUTH_DENIED" }),
    );
  });

  test("does not repeat a secret of the redirect", () => {
    expect(() => follow(`https://user:canary@b.example/y${TAIL}`)).not.toThrow(/canary/u);
  });
});
