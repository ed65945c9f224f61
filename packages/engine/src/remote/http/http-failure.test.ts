import { describe, expect, test } from "vitest";
import { SyncError } from "../../errors.ts";
import { abortedError, parseRetryAfter, requestError, statusError } from "./http-failure.ts";

const FACTS = { side: "target", url: "https://example.com/a", phase: "git-receive-pack" } as const;
const LIVE = new AbortController().signal;

describe("statusError()", () => {
  test.for([
    [203, "AUTH_REQUIRED", false],
    [301, "REDIRECT_REFUSED", false],
    [307, "REDIRECT_REFUSED", false],
    [400, "REMOTE_REFUSED", false],
    [401, "AUTH_DENIED", false],
    [403, "AUTH_DENIED", false],
    [404, "NOT_FOUND", false],
    [407, "AUTH_DENIED", false],
    [408, "REMOTE_TIMEOUT", true],
    [410, "NOT_FOUND", false],
    [411, "LENGTH_REQUIRED", false],
    [413, "PACK_TOO_LARGE", false],
    [418, "REMOTE_REFUSED", false],
    [429, "RATE_LIMITED", true],
    [500, "REMOTE_UNAVAILABLE", true],
    [502, "REMOTE_UNAVAILABLE", true],
    [503, "REMOTE_UNAVAILABLE", true],
    [504, "REMOTE_TIMEOUT", true],
    [599, "REMOTE_UNAVAILABLE", true],
  ] as const)("%i is %s, retryable: %s", ([status, code, retryable]) => {
    const error = statusError(status, FACTS, undefined, "");
    expect(error).toMatchObject({ code, retryable, details: { status, side: "target", url: FACTS.url } });
    expect(error.retryAfterMs).toBeUndefined();
  });

  test("shows what the server said, sanitised and short, and how long it asks to wait", () => {
    const error = statusError(429, FACTS, "7", `slow\u001b[31m down\u202e${"x".repeat(5_000)}`);
    expect(error.retryAfterMs).toBe(7_000);
    expect(error.message).toContain("slow");
    expect(error.message).not.toMatch(/[\u001b\u202e]/u);
    expect(error.message.length).toBeLessThan(500);
  });
});

describe("parseRetryAfter()", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  test.for([
    ["0", 0],
    [" 30 ", 30_000],
    ["999999999", 3_600_000],
    ["Thu, 01 Jan 2026 00:01:00 GMT", 60_000],
    ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
    ["Fri, 02 Jan 2026 00:00:00 GMT", 3_600_000],
    ["", undefined],
    ["soon", undefined],
    ["-5x", undefined],
    ["99999999999999999999", undefined],
  ] as const)("%j is %s ms", ([value, expected]) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });
});

describe("requestError()", () => {
  const withCode = (code: string): Error => Object.assign(new Error("broken"), { code });
  test.for([
    ["ECONNREFUSED", "REMOTE_UNREACHABLE"],
    ["ENOTFOUND", "REMOTE_UNREACHABLE"],
    ["ECONNRESET", "REMOTE_UNREACHABLE"],
    ["UND_ERR_SOCKET", "REMOTE_UNREACHABLE"],
    ["ETIMEDOUT", "REMOTE_TIMEOUT"],
    ["UND_ERR_CONNECT_TIMEOUT", "REMOTE_TIMEOUT"],
    ["UND_ERR_HEADERS_TIMEOUT", "REMOTE_TIMEOUT"],
    ["UND_ERR_BODY_TIMEOUT", "REMOTE_TIMEOUT"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "TLS_UNTRUSTED"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "TLS_UNTRUSTED"],
    ["CERT_HAS_EXPIRED", "TLS_UNTRUSTED"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "TLS_UNTRUSTED"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "TLS_UNTRUSTED"],
  ] as const)("%s is %s, also behind other errors", ([reason, code]) => {
    expect(requestError(withCode(reason), FACTS, LIVE)).toMatchObject({ code, details: { reason } });
    const wrapped = new Error("outer", { cause: new AggregateError([new Error("first"), withCode(reason)]) });
    expect(requestError(wrapped, FACTS, LIVE)).toMatchObject({ code });
  });

  test("lets a typed error through, however deep", () => {
    const typed = new SyncError("EGRESS_DENIED", "no");
    expect(requestError(new Error("outer", { cause: new AggregateError([typed]) }), FACTS, LIVE)).toBe(typed);
  });

  test("is not caught in a circle", () => {
    const circle = new Error("a");
    circle.cause = circle;
    expect(requestError(circle, FACTS, LIVE)).toMatchObject({ code: "REMOTE_UNREACHABLE" });
    expect(requestError("not an error", FACTS, LIVE)).toMatchObject({ code: "REMOTE_UNREACHABLE" });
  });

  test("is an abort when the caller aborted, with the reason as its cause", () => {
    const reason = new Error("enough");
    expect(requestError(withCode("ECONNRESET"), FACTS, AbortSignal.abort(reason))).toMatchObject({
      code: "ABORTED",
      cause: reason,
    });
    const stalled = new SyncError("REMOTE_TIMEOUT", "stalled");
    expect(abortedError(AbortSignal.abort(stalled))).toBe(stalled);
  });
});
