import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { isSyncError } from "../../errors.ts";
import type { SshLocation } from "../../location/location.ts";
import { parseLocation } from "../../location/parse-location.ts";
import { sshArguments, type SshInvocation } from "./ssh-arguments.ts";

function locationOf(url: string): SshLocation {
  const location = parseLocation(url, "source");
  return location.kind === "ssh" ? location : expect.unreachable(`${url} is not ssh`);
}

function argumentsOf(url: string, more: Partial<SshInvocation> = {}): readonly string[] {
  return sshArguments({
    service: "git-upload-pack",
    location: locationOf(url),
    auth: {},
    address: undefined,
    settings: "given",
    defaultKnownHosts: "/shipped",
    connectTimeoutMs: 10_000,
    idleTimeoutMs: 60_000,
    ...more,
  });
}

/** `-o` options by name. */
function optionsOf(args: readonly string[]): Readonly<Record<string, string>> {
  const pairs = args.flatMap((argument, index) => (args[index - 1] === "-o" ? [argument] : []));
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
}

describe("sshArguments()", () => {
  test.for([
    ["ssh://git@example.com/a.git", ["-l", "git"], "example.com", "git-upload-pack '/a.git'"],
    ["ssh://example.com:2222/a", ["-p", "2222"], "example.com", "git-upload-pack '/a'"],
    ["git@example.com:a b.git", ["-l", "git"], "example.com", "git-upload-pack 'a b.git'"],
    ["example.com:~ann/a", [], "example.com", "git-upload-pack '~ann/a'"],
    ["ssh://example.com/~ann/a", [], "example.com", "git-upload-pack '~ann/a'"],
    ["example.com:it's!", [], "example.com", String.raw`git-upload-pack 'it'\''s'\!''`],
    ["example.com:$(id);`id`", [], "example.com", "git-upload-pack '$(id);`id`'"],
    ["git@[::1]:a", ["-l", "git"], "::1", "git-upload-pack 'a'"],
  ] as const)(
    "end in user, port, `--`, host and one quoted command for %s",
    ([url, options, host, command]) => {
      const args = argumentsOf(url);
      expect(args.slice(args.lastIndexOf("-o") + 2)).toEqual([...options, "--", host, command]);
    },
  );

  test("ask no question, forward nothing, and notice a server that is gone", () => {
    for (const settings of ["given", "user"] as const) {
      expect(optionsOf(argumentsOf("ssh://a/b", { settings }))).toMatchObject({
        BatchMode: "yes",
        ConnectTimeout: "10",
        ServerAliveInterval: "20",
        ServerAliveCountMax: "3",
        ForwardAgent: "no",
        ClearAllForwardings: "yes",
        ControlMaster: "no",
        SendEnv: "GIT_PROTOCOL",
      });
    }
  });

  test("take nothing of the account's own settings unless told to", () => {
    const given = argumentsOf("ssh://a/b");
    expect(given.slice(0, 2)).toEqual(["-F", "none"]);
    expect(optionsOf(given)).toMatchObject({
      StrictHostKeyChecking: "yes",
      UserKnownHostsFile: '"/shipped"',
      GlobalKnownHostsFile: "none",
      IdentityAgent: "none",
      IdentitiesOnly: "yes",
      IdentityFile: "none",
    });
    const user = argumentsOf("ssh://a/b", { settings: "user" });
    expect(user).not.toContain("-F");
    expect(Object.keys(optionsOf(user))).not.toContain("StrictHostKeyChecking");
    expect(Object.keys(optionsOf(user))).not.toContain("UserKnownHostsFile");
  });

  test("name the key and the known hosts of the credentials, whatever their paths look like", () => {
    const auth = { identityFile: "/keys/my key%d", knownHostsFile: "/keys/known hosts%h", username: "ann" };
    const args = argumentsOf("ssh://a/b", { auth });
    expect(args.slice(args.indexOf("-i"))).toEqual([
      "-i",
      "/keys/my key%%d",
      "-l",
      "ann",
      "--",
      "a",
      "git-upload-pack '/b'",
    ]);
    expect(optionsOf(args)).toMatchObject({ UserKnownHostsFile: '"/keys/known hosts%%h"' });
    expect(Object.keys(optionsOf(args))).not.toContain("IdentityFile");
    expect(argumentsOf("ssh://git@a/b", { auth })).toContain("git");
    for (const path of ['/k"x', "/k\nx", "/k\\x", "/${HOME}/x"]) {
      try {
        argumentsOf("ssh://a/b", { auth: { identityFile: path } });
        expect.unreachable(path);
      } catch (error) {
        expect(isSyncError(error) && error.code).toBe("AUTH_PROVIDER_FAILED");
      }
    }
  });

  test("lead to the address that was checked, under the name that known hosts have", () => {
    expect(optionsOf(argumentsOf("ssh://example.com/a", { address: "192.0.2.1" }))).toMatchObject({
      HostName: "192.0.2.1",
      HostKeyAlias: "example.com",
    });
    expect(optionsOf(argumentsOf("ssh://example.com:2222/a", { address: "2001:db8::1" }))).toMatchObject({
      HostName: "2001:db8::1",
      HostKeyAlias: "[example.com]:2222",
    });
  });
});

test("the host keys that come with the package have the fingerprints that their operators publish", () => {
  const lines = readFileSync(new URL("../../../known_hosts", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const prints = lines.map((line) => {
    const [hosts, kind, key = ""] = line.split(" ");
    const print = createHash("sha256")
      .update(Buffer.from(key, "base64"))
      .digest("base64")
      .replace(/=+$/u, "");
    return `${hosts} ${kind} ${print}`;
  });
  expect(prints).toEqual([
    "github.com ssh-ed25519 +DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
    "github.com ecdsa-sha2-nistp256 p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM",
    "gitlab.com ssh-ed25519 eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8",
    "gitlab.com ecdsa-sha2-nistp256 HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw",
    "bitbucket.org ssh-ed25519 ybgmFkzwOSotHTHLJgHO0QN8L0xErw6vd0VhFA9m3SM",
    "bitbucket.org ecdsa-sha2-nistp256 FC73VB6C4OQLSCrjEayhMp9UMxS97caD/Yyi2bhW/J0",
    "codeberg.org ssh-ed25519 mIlxA9k46MmM6qdJOdMnAQpzGxF4WIVVL+fj+wZbw0g",
    "codeberg.org ecdsa-sha2-nistp256 T9FYDEHELhVkulEKKwge5aVhVTbqCW0MIRwAfpARs/E",
    "ssh.dev.azure.com,vs-ssh.visualstudio.com ssh-rsa ohD8VZEXGWo6Ez8GSEJQ9WpafgLFsOfLOtGGQCQo6Og",
  ]);
});
