import {
  bootstrapRequestSchema,
  fetchRequestSchema,
  probeRequestSchema,
  syncRequestSchema,
  type JsonSchema,
} from "@gitsync/engine/schema";
import { ENVIRONMENT, readEnvironment, SecretRegistry } from "@gitsync/runtime";
import { describe, test } from "vitest";
import type { CommandContext } from "../command-line/command.ts";
import { COMMANDS } from "../command-line/commands.ts";
import { FLAGS, flagOf } from "../command-line/flags.ts";
import { parseArguments } from "../command-line/parse-arguments.ts";
import { credentialsOf } from "./credentials.ts";
import { bootstrapRequestOf, fetchRequestOf, probeRequestOf, syncRequestOf } from "./sync-request.ts";

const { runNow } = readEnvironment({});

/** What a command is given when somebody types `args`; nothing else of the world is looked at here. */
function contextOf(name: string, args: readonly string[]): CommandContext {
  const command = COMMANDS.find((each) => each.name === name);
  if (command === undefined) throw new Error(`There is no command ${name}`);
  const context: Pick<CommandContext, "command" | "flags" | "positionals" | "env" | "cwd"> = {
    command,
    ...parseArguments(command, args),
    env: {},
    cwd: "/work",
  };
  return context as CommandContext;
}

/** Paths of the fields of a request that hold a value of their own: `policy.prune`, `scope.mappings`. */
function fieldsOf(schema: JsonSchema, path = ""): readonly string[] {
  if ("anyOf" in schema || schema.type !== "object" || !("properties" in schema)) return [path];
  // Two numbers that mean something together only.
  if (path === "policy.maxDeletes") return [path];
  return Object.entries(schema.properties).flatMap(([name, member]) =>
    fieldsOf(member, path === "" ? name : `${path}.${name}`),
  );
}

function valueAt(request: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], request);
}

/** Of each field: the flags that set it, and what they make of it. */
type Said = Readonly<Record<string, readonly [args: readonly string[], value: unknown]>>;

const ENDPOINTS: Said = {
  "source.url": [["--source-url", "https://a.example/b"], "https://a.example/b"],
  "source.followInfoRefsRedirect": [["--source-follow-info-refs-redirect"], true],
  "target.url": [["--target-url", "https://c.example/d"], "https://c.example/d"],
  "target.followInfoRefsRedirect": [["--target-follow-info-refs-redirect"], true],
};
const SCOPE: Said = {
  "scope.branches": [
    ["--branch", "a,b", "--branch", "c"],
    ["a", "b", "c"],
  ],
  "scope.mappings": [["--map", "a:b"], [{ source: "a", target: "b" }]],
  "scope.allRefs": [["--all-refs"], true],
  "scope.includeRefs": [
    ["--include-ref", "refs/heads/*", "--include-ref", "^refs/heads/x"],
    ["refs/heads/*", "^refs/heads/x"],
  ],
  "scope.excludeRefPrefixes": [["--exclude-ref-prefix", "refs/heads/x/"], ["refs/heads/x/"]],
  "scope.excludeRefs": [["--exclude-ref", "refs/heads/x"], ["refs/heads/x"]],
};
const source = (said: Said): Said =>
  Object.fromEntries(Object.entries(said).filter(([path]) => path.startsWith("source")));
const COMMON: Said = {
  includeTags: [["--tags"], true],
  protocol: [["--protocol", "v1"], "v1"],
  collectStats: [["--stats"], true],
};

const REQUESTS: readonly {
  readonly command: string;
  readonly schema: JsonSchema;
  readonly said: Said;
  readonly build: (context: CommandContext) => unknown;
}[] = [
  {
    command: "plan",
    schema: syncRequestSchema,
    build: (context) => syncRequestOf(context, {}, runNow),
    said: {
      ...ENDPOINTS,
      ...SCOPE,
      "policy.mode": [["--mode", "replicate"], "replicate"],
      "policy.includeTags": [["--tags"], true],
      "policy.force": [["--force-with-lease"], "with-lease"],
      "policy.prune": [["--prune"], true],
      "policy.bestEffort": [["--best-effort"], true],
      "policy.atomic": [["--atomic"], true],
      "policy.protocol": [["--protocol", "v2"], "v2"],
      "policy.destructive": [["--destructive", "archive"], "archive"],
      "policy.maxDeletes": [["--max-deletes", "7,3%"], { count: 7, percent: 3 }],
      "policy.keepArchivesDays": [["--keep-archives-days", "7"], 7],
      "policy.verify": [["--verify", "list"], "list"],
      collectStats: [["--stats"], true],
      includeUnchanged: [["--verbose"], true],
    },
  },
  {
    command: "probe",
    schema: probeRequestSchema,
    build: (context) => probeRequestOf(context, runNow),
    said: {
      ...ENDPOINTS,
      ...COMMON,
      allRefs: [["--all-refs"], true],
      excludeRefPrefixes: [["--exclude-ref-prefix", "refs/x/"], ["refs/x/"]],
    },
  },
  {
    command: "bootstrap",
    schema: bootstrapRequestSchema,
    build: (context) => bootstrapRequestOf(context, runNow),
    said: { ...ENDPOINTS, ...SCOPE, ...COMMON, bestEffort: [["--best-effort"], true] },
  },
  {
    command: "fetch",
    schema: fetchRequestSchema,
    build: (context) => fetchRequestOf(context, runNow),
    said: {
      ...source(ENDPOINTS),
      ...SCOPE,
      ...COMMON,
      haves: [["--have", "1".repeat(40)], ["1".repeat(40)]],
      haveRefs: [["--have-ref", "refs/heads/a"], ["refs/heads/a"]],
    },
  },
];

describe.for(REQUESTS)("the request of $command", ({ command, schema, said, build }) => {
  test("has a flag for each of its fields", ({ expect }) => {
    expect(Object.keys(said).toSorted()).toEqual(fieldsOf(schema).toSorted());
  });

  test.for(Object.entries(said))("%s is what its flag says", ([path, [args, value]], { expect }) => {
    const typed = new Map([
      ["source.url", "/a"],
      ...(command === "fetch" ? [] : [["target.url", "/b"] as const]),
    ] as const);
    const urls = (left: string): readonly string[] =>
      [...typed].flatMap(([name, url]) => (name === left ? [] : [`--${name.replace(".", "-")}`, url]));
    expect(valueAt(build(contextOf(command, urls(""))), path)).not.toEqual(value);
    expect(valueAt(build(contextOf(command, [...urls(path), ...args])), path)).toEqual(value);
  });
});

describe("credentials", () => {
  const CREDENTIALS = {
    username: ["username", "ann"],
    token: ["token", "t"],
    bearerToken: ["bearer-token", "b"],
    skipTlsVerify: ["insecure-skip-tls-verify", true],
  } as const;
  const SIDES = (["source", "target"] as const).flatMap((role) =>
    Object.entries(CREDENTIALS).map(([field, [flag, value]]) => [role, field, flag, value] as const),
  );

  test.for(SIDES)(
    "of the %s: %s is what its flag or variable says",
    async ([role, field, flag, value], { expect }) => {
      const args = value === true ? [`--${role}-${flag}`] : [`--${role}-${flag}`, value];
      const { flags } = contextOf("sync", ["/a", "/b", ...args]);
      const signal = AbortSignal.abort();
      const said = credentialsOf(flags, readEnvironment({}), new SecretRegistry());
      expect(await said.authFor({ url: "" }, role, signal)).toEqual({ [field]: value });
      const name = `GITSYNC_${role}_${flag}`.toUpperCase().replaceAll("-", "_");
      const environment = readEnvironment({ [name]: value === true ? "1" : value });
      const read = credentialsOf({}, environment, new SecretRegistry());
      expect(await read.authFor({ url: "" }, role, signal)).toEqual({ [field]: value });
    },
  );
});

test("variables say what flags leave open, and flags win", ({ expect }) => {
  const { runNow: said } = readEnvironment({
    GITSYNC_PROTOCOL: "v1",
    GITSYNC_SOURCE_FOLLOW_INFO_REFS_REDIRECT: "1",
    GITSYNC_TARGET_FOLLOW_INFO_REFS_REDIRECT: "yes",
  });
  const request = syncRequestOf(contextOf("sync", ["/a", "/b"]), {}, said);
  expect(request).toMatchObject({
    source: { followInfoRefsRedirect: true },
    target: { followInfoRefsRedirect: true },
    policy: { protocol: "v1" },
  });
  const flagged = syncRequestOf(contextOf("sync", ["/a", "/b", "--protocol", "v2"]), {}, said);
  expect(flagged.policy?.protocol).toBe("v2");
});

test("a flag that says that a variable stands for it names one that is documented", ({ expect }) => {
  const documented = new Set(ENVIRONMENT.map(({ name }) => name));
  const named = Object.keys(FLAGS).flatMap((name) => flagOf(name as keyof typeof FLAGS).env ?? []);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !documented.has(name))).toEqual([]);
});

test.for(["0", "x", "-1", "100000000"])("--keep-archives-days %s is bad usage", (days, { expect }) => {
  expect(() => syncRequestOf(contextOf("sync", ["/a", "/b", `--keep-archives-days=${days}`]), {})).toThrow(
    "flag --keep-archives-days needs a number of days",
  );
});
