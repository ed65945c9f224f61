import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { scrubUserinfo, SecretRegistry } from "./secret-registry.ts";
import { Secret } from "./secret.ts";

const VALUE = 'S3cr3t/+&"%=é token';

describe("Secret", () => {
  const secret = new Secret(VALUE);
  test.for([
    ["String()", String(secret)],
    ["concatenation", ["", secret].join("")],
    ["JSON", JSON.stringify({ secret })],
    ["inspect", inspect({ secret }, { depth: 5, showHidden: true })],
    ["a copy", JSON.stringify(Object.assign({}, secret))],
    ["Object.values", JSON.stringify(Object.values(secret))],
  ])("does not show its value through %s", ([, text]) => {
    expect(text).not.toContain("S3cr3t");
  });

  test("gives its value to whoever asks by name", () => {
    expect(secret.expose()).toBe(VALUE);
  });
});

describe("SecretRegistry.scrub()", () => {
  const secrets = new SecretRegistry();
  secrets.add(new Secret(VALUE), "bot");

  test.for([
    ["raw", VALUE],
    ["percent", encodeURIComponent(VALUE)],
    ["percent, lower case", encodeURIComponent(VALUE).replace(/%../g, (escape) => escape.toLowerCase())],
    ["percent, twice", encodeURIComponent(encodeURIComponent(VALUE))],
    ["form", new URLSearchParams({ v: VALUE }).toString()],
    ["JSON", JSON.stringify({ message: VALUE })],
    ["JSON in JSON", JSON.stringify({ body: JSON.stringify({ message: VALUE }) })],
    ["base64", Buffer.from(VALUE).toString("base64")],
    ["base64url", Buffer.from(VALUE).toString("base64url")],
    ["Basic of its user", `Basic ${Buffer.from(`bot:${VALUE}`).toString("base64")}`],
    ["Basic of x-access-token", `Basic ${Buffer.from(`x-access-token:${VALUE}`).toString("base64")}`],
    ["base64 behind another user", Buffer.from(`somebody:${VALUE}`).toString("base64")],
  ] as const)("removes the %s form", ([, text]) => {
    const scrubbed = secrets.scrub(`before ${text} after`);
    expect(scrubbed).toContain("[secret]");
    for (const part of ["S3cr3t", "token", Buffer.from(VALUE).toString("base64").slice(4, 20)]) {
      expect(scrubbed).not.toContain(part);
    }
    expect(scrubbed).toMatch(/^before /);
  });

  test.for([
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz",
    "glpat-abcdefghijklmnopqrst",
    "AKIAIOSFODNN7EXAMPLE",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----",
  ])("removes what looks like a token: %s", (token) => {
    expect(new SecretRegistry().scrub(`x ${token} y`)).toBe("x [secret] y");
  });

  test("keeps a JSON line readable when a private key in it is cut off", () => {
    const line = JSON.stringify({ a: "-----BEGIN RSA PRIVATE KEY-----\nabc", b: 1 });
    expect(JSON.parse(new SecretRegistry().scrub(line))).toEqual({ a: "[secret]", b: 1 });
  });

  test("forgets a value that was rotated away", () => {
    const registry = new SecretRegistry();
    registry.add("old-password");
    registry.delete("old-password");
    expect(registry.scrub("old-password")).toBe("old-password");
  });

  test("removes the longer of two values that begin alike", () => {
    const registry = new SecretRegistry();
    registry.add("abcd");
    registry.add("abcdefgh");
    expect(registry.scrub("abcdefgh")).toBe("[secret]");
  });

  test("leaves text without secrets as it is, whatever it is", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!text.includes("@"));
        expect(new SecretRegistry().scrub(text)).toBe(text);
      }),
    );
  });
});

describe("scrubUserinfo()", () => {
  test.for([
    ["https://user:pw@host/x", "https://[secret]@host/x"],
    ["https://token@host/x", "https://[secret]@host/x"],
    ["see ssh://git@a.b/c and https://u:p%40q@d", "see ssh://[secret]@a.b/c and https://[secret]@d"],
    ["https://u:p@ss@host", "https://[secret]@host"],
    ["https://host/path@v2", "https://host/path@v2"],
    ["mail@example.com", "mail@example.com"],
  ] as const)("turns %s into %s", ([text, scrubbed]) => {
    expect(scrubUserinfo(text)).toBe(scrubbed);
  });

  test("is linear in hostile text", () => {
    const hostile = `${"a".repeat(200_000)}@${"x://".repeat(50_000)}@`;
    const startedAt = performance.now();
    scrubUserinfo(hostile);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});
