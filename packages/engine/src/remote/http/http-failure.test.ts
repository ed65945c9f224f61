import { describe, expect, test } from "vitest";
import { parseRetryAfter, statusError } from "./http-failure.ts";

const FACTS = { side: "target", url: "https://example.com/a", phase: "git-receive-pack" } as const;

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
