import { describe, expect, test } from "vitest";
import { ENVIRONMENT } from "./environment-table.ts";
import { readEnvironment } from "./environment.ts";

function faultsOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    readEnvironment(env);
  } catch (error) {
    expect(error).toMatchObject({ name: "RuntimeError", code: "ENVIRONMENT_INVALID" });
    const { details } = error as { details: { faults: readonly string[] } };
    for (const fault of details.faults) expect(String(error)).toContain(fault);
    return details.faults;
  }
  return [];
}

describe("readEnvironment()", () => {
  test("has the documented defaults", () => {
    const endpoint = {
      token: undefined,
      username: undefined,
      bearerToken: undefined,
      insecureSkipTlsVerify: false,
      followInfoRefsRedirect: false,
    };
    const defaults = {
      queueUrl: undefined,
      configFile: undefined,
      listen: { host: "127.0.0.1", port: 8080 },
      apiToken: undefined,
      workerConcurrency: 8,
      workerListen: undefined,
      spoolDirectory: undefined,
      spoolBytes: undefined,
      logLevel: "info",
      logFormat: undefined,
      runNow: { source: endpoint, target: endpoint, protocol: "auto" },
    };
    expect(readEnvironment({})).toEqual(defaults);
    const empty = Object.fromEntries(ENVIRONMENT.map(({ name }) => [name, " "]));
    expect(readEnvironment(empty)).toEqual(defaults);
  });

  test("reads every variable", () => {
    const environment = readEnvironment({
      GITSYNC_QUEUE_URL: "redis://:pw@h",
      GITSYNC_CONFIG: "/etc/mirrors.yaml",
      GITSYNC_LISTEN: "[::1]:0",
      GITSYNC_API_TOKEN: "api",
      GITSYNC_WORKER_CONCURRENCY: "3",
      GITSYNC_WORKER_LISTEN: ":9090",
      GITSYNC_SPOOL_DIR: "/var/spool",
      GITSYNC_SPOOL_BYTES: "2G",
      LOG_LEVEL: "DEBUG",
      LOG_FORMAT: "pretty",
      GITSYNC_SOURCE_TOKEN: "st",
      GITSYNC_SOURCE_USERNAME: "su",
      GITSYNC_TARGET_BEARER_TOKEN: "tb",
      GITSYNC_TARGET_INSECURE_SKIP_TLS_VERIFY: "yes",
      GITSYNC_TARGET_FOLLOW_INFO_REFS_REDIRECT: "1",
      GITSYNC_PROTOCOL: "v2",
    });
    expect(environment).toMatchObject({
      queueUrl: "redis://:pw@h",
      configFile: "/etc/mirrors.yaml",
      listen: { host: "::1", port: 0 },
      workerConcurrency: 3,
      workerListen: { host: "", port: 9090 },
      spoolDirectory: "/var/spool",
      spoolBytes: 2 * 1_024 ** 3,
      logLevel: "debug",
      logFormat: "pretty",
      runNow: {
        source: { username: "su" },
        target: { insecureSkipTlsVerify: true, followInfoRefsRedirect: true },
        protocol: "v2",
      },
    });
    expect(environment.apiToken?.expose()).toBe("api");
    expect(environment.runNow.source.token?.expose()).toBe("st");
    expect(environment.runNow.target.bearerToken?.expose()).toBe("tb");
    expect(JSON.stringify(environment)).not.toMatch(/"(api|st|tb)"/);
  });

  test("names every fault at once, with what the variable takes, and no value of a secret", () => {
    const faults = faultsOf({
      GITSYNC_LISTEN: "localhost",
      GITSYNC_WORKER_CONCURRENCY: "0",
      GITSYNC_WORKER_LISTEN: "127.0.0.1:70000",
      GITSYNC_API_TOKEN: "hunter2\nX-Injected: 1",
      GITSYNC_SPOOL_BYTES: "0k",
      LOG_LEVEL: "loud",
      GITSYNC_SOURCE_INSECURE_SKIP_TLS_VERIFY: "maybe",
      GITSYNC_PROTOCOL: "v3",
    });
    expect(faults).toEqual([
      "GITSYNC_LISTEN is not an address like 127.0.0.1:8080, [::1]:8080",
      "GITSYNC_API_TOKEN has a control character in it; give the bare token, on one line",
      "GITSYNC_WORKER_CONCURRENCY is not a whole number from 1 to 1000",
      "GITSYNC_WORKER_LISTEN is not an address like 127.0.0.1:8080, [::1]:8080 or off",
      "GITSYNC_SPOOL_BYTES is not a number of bytes, or one with k, m, g or t",
      "LOG_LEVEL is not one of fatal, error, warn, info, debug, trace, silent",
      "GITSYNC_SOURCE_INSECURE_SKIP_TLS_VERIFY is neither true nor false",
      "GITSYNC_PROTOCOL is not one of auto, v1, v2",
    ]);
  });

  test("reads no variable that is missing from the table, and every one that is in it", () => {
    const read = new Set<string>();
    const env = new Proxy<NodeJS.ProcessEnv>(
      {},
      {
        get(_target, name) {
          read.add(String(name));
          return undefined;
        },
      },
    );
    readEnvironment(env);
    const ours = ENVIRONMENT.filter(({ scope }) => scope !== "standard").map(({ name }) => name);
    expect([...read].toSorted()).toEqual(ours.toSorted());
  });
});
