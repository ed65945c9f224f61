import { SecretRegistry } from "@gitsync/runtime";
import { expect, test } from "vitest";
import { storableError, storableRouteError } from "./storable.ts";

const secrets = new SecretRegistry();
secrets.add("s3cr3t-token");

test("storableError() leaves nothing that a store refuses or that is secret, in message and stack", () => {
  const thrown = new Error(`bad \0 \ud800 s3cr3t-token https://u:p4ssword@host.test/ ${"x".repeat(9_000)}`);
  const safe = storableError(thrown, secrets);
  for (const text of [safe.message, safe.stack ?? ""]) {
    expect(text.isWellFormed()).toBe(true);
    expect(text).not.toMatch(/\0|s3cr3t|p4ssword/u);
    expect(text.length).toBeLessThan(2_100);
  }
  expect(storableError("just text", secrets).message).toBe("just text");
});

test("storableRouteError() keeps code and remedy", () => {
  const error = { code: "X", message: "said s3cr3t-token", remedy: "do" };
  expect(storableRouteError(error, secrets)).toEqual({ code: "X", message: "said [secret]", remedy: "do" });
});
