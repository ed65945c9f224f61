import { generateKeyPairSync } from "node:crypto";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { createHttpClient, isSyncError, type Endpoint, type HttpClient } from "@gitsync/engine";
import { SecretRegistry, type CredentialConfig } from "@gitsync/runtime";
import { createFleetCredentials, type FleetCredentials } from "@gitsync/worker";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { serveGithubApp, type GithubAppApi } from "../support/github-app-api.ts";
import { startScript, type RunningProcess } from "../support/process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const KEY_HOLDER = new URL("support/key-holder.ts", import.meta.url).pathname;

const SOURCE: Endpoint = { url: "https://github.test/org/repo.git" };

let api: GithubAppApi;
let http: HttpClient;
let secrets: SecretRegistry;
let env: Record<string, string>;
let configured: Map<string, CredentialConfig>;
let fleet: FleetCredentials;

beforeEach(async () => {
  api = await serveGithubApp();
  http = createHttpClient({ egress: { addresses: "any" } });
  secrets = new SecretRegistry();
  env = { BOT_TOKEN: "first-token", APP_KEY: api.privateKey };
  configured = new Map<string, CredentialConfig>([
    [
      "bot",
      {
        id: "bot",
        type: "basic",
        origins: ["https://git.test"],
        username: "mirror",
        token: { type: "env", name: "BOT_TOKEN" },
      },
    ],
    ["app", app({})],
  ]);
  fleet = createFleetCredentials({ credentials: () => configured, env, secrets, http });
});

afterEach(async () => {
  await fleet.close();
  await http.close();
  await api[Symbol.asyncDispose]();
});

function app(changes: { readonly appId?: number; readonly installationId?: number }): CredentialConfig {
  return {
    id: "app",
    type: "github-app",
    origins: ["https://github.test"],
    appId: changes.appId ?? api.appId,
    installationId: changes.installationId ?? api.installationId,
    privateKey: { type: "env", name: "APP_KEY" },
    apiUrl: api.url,
  };
}

const never = new AbortController().signal;
const route = { sourceCredential: "app", targetCredential: "bot" };
const authOf = (endpoint: Endpoint, role: "source" | "target") =>
  fleet.forRoute(route).authFor(endpoint, role, never);
const refusal = { origin: "https://github.test", refused: {}, challenges: [] };

describe("a route's credentials", () => {
  test("are nothing where the route names none", async () => {
    expect(await fleet.forRoute({}).authFor(SOURCE, "source", never)).toEqual({});
  });

  test("are those of each side, for their own origins", async () => {
    expect(await authOf({ url: "https://git.test/x.git" }, "target")).toEqual({
      username: "mirror",
      token: "first-token",
      origins: ["https://git.test"],
    });
  });

  test("are not shown to another origin, and their secret is not even read", async () => {
    delete env["BOT_TOKEN"];
    const error: unknown = await authOf({ url: "https://git.test.evil.test/x.git" }, "target").catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({
      code: "AUTH_DENIED",
      message: expect.stringContaining("https://git.test only"),
    });
  });

  test("are the new ones once they were rotated", async () => {
    await authOf({ url: "https://git.test/x.git" }, "target");
    env["BOT_TOKEN"] = "second-token";
    expect(await authOf({ url: "https://git.test/x.git" }, "target")).toMatchObject({
      token: "second-token",
    });
    expect(secrets.scrub("first-token second-token")).toBe("[secret] [secret]");
  });

  test("that cannot be read are named with their place", async () => {
    delete env["BOT_TOKEN"];
    await expect(authOf({ url: "https://git.test/x.git" }, "target")).rejects.toMatchObject({
      code: "AUTH_PROVIDER_FAILED",
      message: "Cannot get credential bot for the target: The environment variable BOT_TOKEN is not set",
    });
  });

  test("that this process does not know are asked for again later", async () => {
    configured.delete("bot");
    const error: unknown = await authOf({ url: "https://git.test/x.git" }, "target").catch(
      (caught: unknown) => caught,
    );
    expect(isSyncError(error) && error.retryable).toBe(true);
  });
});

describe("credentials for ssh", () => {
  const target: Endpoint = { url: "git@backup.test:org/repo.git" };
  const files = async () => {
    const { identityFile = "", knownHostsFile = "" } = await fleet
      .forRoute({ targetCredential: "key" })
      .authFor(target, "target", never);
    return { identityFile, knownHostsFile };
  };

  beforeEach(() => {
    env["KEY"] = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----";
    env["HOSTS"] = "backup.test ssh-ed25519 AAAA";
    configured.set("key", {
      id: "key",
      type: "ssh",
      origins: ["ssh://git@backup.test"],
      privateKey: { type: "env", name: "KEY" },
      knownHosts: { type: "env", name: "HOSTS" },
    });
  });

  test("are files that only their owner may read, whole with their last newline", async () => {
    const { identityFile, knownHostsFile } = await files();
    expect(await readFile(identityFile, "utf8")).toBe(`${env["KEY"]}\n`);
    expect(await readFile(knownHostsFile, "utf8")).toBe("backup.test ssh-ed25519 AAAA\n");
    expect((await stat(identityFile)).mode & 0o777).toBe(0o600);
    expect((await stat(join(identityFile, ".."))).mode & 0o777).toBe(0o700);
  });

  test("stay the same files until they are rotated, and the old ones stay for runs that began with them", async () => {
    const [first, again] = await Promise.all([files(), files()]);
    expect(again).toEqual(first);
    env["KEY"] = "other";
    const { identityFile, knownHostsFile } = await files();
    expect(identityFile).not.toBe(first.identityFile);
    expect(knownHostsFile).toBe(first.knownHostsFile);
    expect(await readFile(first.identityFile, "utf8")).toContain("abc");
  });

  test("of a worker that was killed are removed by the next one, those of one that lives are not", async () => {
    await using folder = temporaryFolder("keys");
    const start = () => startScript(KEY_HOLDER, [], { env: { TMPDIR: folder.path } });
    const folderOf = async (holder: RunningProcess) =>
      dirname((await holder.waitForLine(/^key /u)).slice("key ".length));
    await using killed = start();
    await using living = start();
    const [abandoned, used] = [await folderOf(killed), await folderOf(living)];
    // The ids of another container's processes mean nothing here; and what has no owner's name is nobody's business.
    const elsewhere = join(folder.path, basename(abandoned).replace(/-[0-9a-f]{8}-/u, "-00000000-"));
    const strange = join(folder.path, "git-sync-ssh-x");
    for (const path of [elsewhere, strange]) await mkdir(path);
    await killed.kill("SIGKILL");
    // Somebody else has the id by now.
    const reused = abandoned.replace(/-\d+-\d+-[^-]+$/u, `-${living.pid}-1-reused`);
    await mkdir(reused);
    await using next = start();
    const own = await folderOf(next);
    next.write("close\n");
    expect(await next.exited).toMatchObject({ code: 0 });
    const left = (await readdir(folder.path)).map((name) => join(folder.path, name));
    expect(left.toSorted()).toEqual([elsewhere, strange, used].toSorted());
    expect(left).not.toContain(own);
    expect((await readdir(used)).length).toBe(2);
  });

  test("leave no file behind", async () => {
    const { identityFile } = await files();
    await fleet.close();
    await expect(stat(join(identityFile, ".."))).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("a GitHub App's credentials", () => {
  test("are a token of its installation for the one repository, that may only read a source", async () => {
    const auth = await authOf(SOURCE, "source");
    expect(auth).toMatchObject({
      username: "x-access-token",
      token: "ghs_1_repo",
      origins: ["https://github.test"],
    });
    expect(Number(auth.expiresAtMs) - Date.now()).toBeGreaterThan(59 * 60_000);
    expect(api.requests).toEqual([{ repositories: ["repo"], permissions: { contents: "read" } }]);
  });

  test("may do for a target whatever the installation may", async () => {
    await fleet.forRoute({ targetCredential: "app" }).authFor(SOURCE, "target", never);
    expect(api.requests).toEqual([{ repositories: ["repo"] }]);
  });

  test("are kept until shortly before they end, and asked for once by many", async () => {
    const many = await Promise.all(Array.from({ length: 20 }, () => authOf(SOURCE, "source")));
    expect(new Set(many.map(({ token }) => token))).toEqual(new Set(["ghs_1_repo"]));
    await authOf({ url: "https://github.test/org/other" }, "source");
    expect(api.requests).toHaveLength(2);
    fleet = createFleetCredentials({ credentials: () => configured, env, secrets, http });
    api.lastMs = 9 * 60_000;
    await authOf(SOURCE, "source");
    expect((await authOf(SOURCE, "source")).token).toBe("ghs_4_repo");
  });

  test("are new ones after a refusal", async () => {
    await authOf(SOURCE, "source");
    const again = await fleet.forRoute(route).authFor(SOURCE, "source", never, refusal);
    expect(again.token).toBe("ghs_2_repo");
  });

  test("leave neither key nor token in a text", async () => {
    await authOf(SOURCE, "source");
    const [, line = ""] = api.privateKey.split("\n");
    const shown = secrets.scrub(`ghs_1_repo ${api.privateKey}`);
    expect(shown).not.toContain("ghs_1");
    expect(shown).not.toContain(line);
  });

  test.for([
    [
      "a suspended app",
      { status: 403, message: "This installation has been suspended" },
      "AUTH_DENIED",
      "suspended",
    ],
    [
      "a repository out of reach",
      { status: 422, message: "no" },
      "AUTH_DENIED",
      "may not use the repository repo",
    ],
    ["an outage", { status: 502, message: "\u001b[31m" }, "REMOTE_UNAVAILABLE", "(?[31m)"],
    [
      "a redirect",
      { status: 301, headers: { location: "http://127.0.0.1:1/" }, message: "" },
      "AUTH_PROVIDER_FAILED",
      "301",
    ],
  ] as const)("say what is wrong with %s", async ([, answer, code, message]) => {
    api.refuse(answer);
    const error: unknown = await authOf(SOURCE, "source").catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
    api.refuse(undefined);
    expect((await authOf(SOURCE, "source")).token).toBe("ghs_2_repo");
  });

  test.for([
    ["Retry-After", { status: 429, headers: { "retry-after": "7" }, message: "slow" }, 7_000],
    [
      "the longer wait",
      {
        status: 403,
        headers: { "retry-after": "7", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999" },
        message: "",
      },
      3_600_000,
    ],
  ] as const)("pass %s on", async ([, answer, retryAfterMs]) => {
    api.refuse(answer);
    await expect(authOf(SOURCE, "source")).rejects.toMatchObject({ code: "RATE_LIMITED", retryAfterMs });
  });

  test.for([
    ["another app's key", { appId: 42 }, "AUTH_DENIED", "or the key is not its own"],
    ["another installation", { installationId: 1 }, "AUTH_DENIED", "installation 1 is none of app 41"],
  ] as const)("are refused with %s", async ([, changes, code, message]) => {
    configured.set("app", app(changes));
    await expect(authOf(SOURCE, "source")).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  test.for([
    ["no key", "no key at all", "it is no private key in PEM form"],
    [
      "a key of another kind",
      generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      "it is a key of type ed25519, not rsa",
    ],
  ] as const)("cannot be made from %s", async ([, key, message]) => {
    env["APP_KEY"] = key;
    const error: unknown = await authOf(SOURCE, "source").catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "AUTH_PROVIDER_FAILED", message: expect.stringContaining(message) });
    expect(String(error)).not.toContain(key.slice(0, 12));
  });
});
