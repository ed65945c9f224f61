import { describe, expect, test } from "vitest";
import { isSyncError, SYNC_ERRORS, SyncError, type SyncErrorCode } from "./errors.ts";

const CODES = Object.keys(SYNC_ERRORS) as SyncErrorCode[];

describe("SyncError", () => {
  test.for(CODES)("%s has a class, a remedy, and says whether to try again", (code) => {
    const error = new SyncError(code, "Cannot do it");
    expect(["transient", "rate-limited", "permanent", "unknown", "cancelled", "refs"]).toContain(error.class);
    expect(error.remedy).toMatch(/^\S.*[^.]$/u);
    expect(error.retryable).toBe(["transient", "rate-limited", "unknown"].includes(error.class));
    expect(error.name).toBe("SyncError");
  });

  test("keeps everything but gains a result", () => {
    const cause = new Error("below");
    const error = new SyncError("RATE_LIMITED", "Wait", { url: "x" }, { cause, retryAfterMs: 5 });
    const result = { refs: [] } as never;
    expect(error.withResult(result)).toMatchObject({
      code: "RATE_LIMITED",
      message: "Wait",
      details: { url: "x" },
      retryAfterMs: 5,
      cause,
      result,
    });
  });

  test("is recognised by its shape, not by its class", () => {
    expect(isSyncError(Object.assign(new Error("x"), { name: "SyncError", code: "ABORTED" }))).toBe(true);
    expect(isSyncError(new Error("x"))).toBe(false);
    expect(isSyncError({ name: "SyncError", code: "ABORTED" })).toBe(false);
    expect(isSyncError(undefined)).toBe(false);
  });
});
