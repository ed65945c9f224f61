import { expect, test } from "vitest";
import { credentialFits } from "./credential-origins.ts";
import type { CredentialConfig } from "./fleet-config.ts";

const at = (...origins: [string, ...string[]]): CredentialConfig => ({
  id: "bot",
  type: "basic",
  origins,
  username: "git",
  token: { type: "env", name: "TOKEN" },
});

test.for([
  ["https://example.com", "https://example.com/org/repo.git", true],
  ["https://EXAMPLE.com:443/", "https://example.com/org/repo.git", true],
  ["https://example.com:8443", "https://example.com:8443/x", true],
  ["https://example.com", "https://example.com:8443/x", false],
  ["https://example.com", "http://example.com/x", false],
  ["https://example.com", "https://example.com.evil.test/x", false],
  ["https://example.com", "https://sub.example.com/x", false],
  ["https://example.com", "https://evil.test/https://example.com/", false],
  ["ssh://git@example.com", "git@example.com:org/repo.git", true],
  ["ssh://git@example.com", "ssh://root@example.com/x", false],
  ["https://example.com", "/srv/example.com", false],
  ["https://example.com", "https://user@example.com/x", false],
] as const)("a credential for %s at %s: %s", ([origin, url, fits]) => {
  expect(credentialFits(at("https://other.test", origin), url)).toBe(fits);
});
