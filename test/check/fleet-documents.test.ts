/** What operators meet by name is in the documents, and what the documents name is there: from the code's own lists. */

import { commandHelp, COMMANDS } from "@gitsync/cli";
import { IGNORED_REASONS } from "@gitsync/gateway";
import { JOB_STATES, ROUTE_STATES, RUN_OUTCOMES } from "@gitsync/jobs";
import { PRODUCER_ERRORS, ProducerError, WAITING_REASONS, type ProducerErrorCode } from "@gitsync/producer";
import { ENVIRONMENT, includedFileSchema, METRICS, mirrorsFileSchema } from "@gitsync/runtime";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { firstColumn } from "./documented-table.ts";
import { keysOf } from "./generated-sections.ts";
import { filesOf, readText } from "./repository.ts";

const sorted = (names: Iterable<string>): readonly string[] => [...new Set(names)].toSorted();
const operations = readText("docs/operations.md");
const configuration = readText("docs/configuration.md");

describe("states and outcomes", () => {
  test("every state of a route is in docs/operations.md, and no other", () => {
    expect(sorted(firstColumn(operations, "How a route is", "State"))).toEqual(sorted(ROUTE_STATES));
  });

  test("every reason for waiting is in docs/operations.md, and no other", () => {
    expect(sorted(firstColumn(operations, "How a route is", "Reason"))).toEqual(sorted(WAITING_REASONS));
  });

  test("every outcome of a run is in docs/operations.md, and no other", () => {
    expect(sorted(firstColumn(operations, "How a run ends", "Outcome"))).toEqual(sorted(RUN_OUTCOMES));
  });

  test("every state of a job is in docs/operations.md, in their order", () => {
    const [line = ""] = /^A job is .*$/mu.exec(operations) ?? [];
    expect([...line.matchAll(/`(\w+)`/gu)].map(([, state]) => state)).toEqual([...JOB_STATES]);
  });

  test("every reason to ignore a delivery is in docs/webhooks.md, and no other", () => {
    const documented = firstColumn(readText("docs/webhooks.md"), "Answers", "Reason");
    expect(sorted(documented)).toEqual(sorted(IGNORED_REASONS));
  });

  test("every error of the producer is in docs/producer.md, with whether to try again", () => {
    const rows = [...readText("docs/producer.md").matchAll(/^\| `([A-Z_]+)` \| [^|]+ \| (yes|no) \|$/gmu)];
    const codes = Object.keys(PRODUCER_ERRORS) as ProducerErrorCode[];
    expect(Object.fromEntries(rows.map(([, code = "", retryable]) => [code, retryable]))).toEqual(
      Object.fromEntries(codes.map((code) => [code, new ProducerError(code, "").retryable ? "yes" : "no"])),
    );
  });
});

describe("the environment", () => {
  const names = new Set(ENVIRONMENT.map(({ name }) => name));

  test("every variable is in docs/configuration.md, and no other", () => {
    expect(sorted(firstColumn(configuration, "Environment", "Variable"))).toEqual(sorted(names));
  });

  test("no source reads a variable that is not in the table", () => {
    const read = filesOf("packages/*/src/**/*.ts", "apps/*/{src,bin}/**/*.{ts,js}")
      .filter((path) => !/\.test\.ts$|\/testing\//u.test(path))
      .flatMap((path) =>
        [...readText(path).matchAll(/\benv(?:\.|\[["'`])([A-Za-z_][A-Za-z0-9_]*)/gu)].map(
          ([, name = ""]) => name,
        ),
      )
      .filter((name) => /^[A-Z]/u.test(name));
    expect(read).toContain("XDG_STATE_HOME");
    expect(read.filter((name) => !names.has(name))).toEqual([]);
  });

  test("no document, example or help names a variable of ours that is not read", () => {
    const texts = [
      ...filesOf("*.md", "docs/**/*.{md,ts,yaml}", "infra/**", "apps/*/README.md", "packages/*/README.md")
        // What was renamed may be named there; the tests' own variables are in the other one.
        .filter((path) => !["CHANGELOG.md", "docs/testing.md", "docs/seed-map.md"].includes(path))
        .map(readText),
      ...COMMANDS.map(commandHelp),
    ];
    const mentioned = texts.flatMap((text) => text.match(/\bGITSYNC_[A-Z_]+[A-Z]\b/gu) ?? []);
    expect(sorted(mentioned).filter((name) => !names.has(name) && name !== "GITSYNC_TEST_REQUIRE")).toEqual(
      [],
    );
  });

  test("every variable of the tests is in docs/testing.md, and no other of ours", () => {
    const sources = [...filesOf("test/**/*.ts", "packages/*/{src,fuzz,fixtures}/**/*.ts"), ".ci/run"];
    const used = sources.flatMap((path) =>
      [...readText(path).matchAll(/\benv(?:\.|\[["'`])(GITSYNC_[A-Z_]+)/gu)].map(([, name = ""]) => name),
    );
    const documented = readText("docs/testing.md").match(/\bGITSYNC_[A-Z_]+\b/gu) ?? [];
    expect(sorted(used.filter((name) => !names.has(name)))).toEqual(sorted(documented));
  });
});

describe("the mirrors file", () => {
  const keys = keysOf(mirrorsFileSchema, "");
  const paths = new Set(keys.map(({ path }) => path));

  test("every key is in docs/configuration.md, and no other", () => {
    expect(sorted(firstColumn(configuration, "The mirrors file", "Key"))).toEqual(sorted(paths));
  });

  test("every key says what it means", () => {
    const silent = keys.filter(
      ({ schema }) => schema.title === undefined && schema.description === undefined,
    );
    expect(sorted(silent.map(({ path }) => path))).toEqual([]);
  });

  test("what an included file may hold is a part of it", () => {
    const included = keysOf(includedFileSchema, "").map(({ path }) => path);
    expect(included.filter((path) => !paths.has(path))).toEqual([]);
  });

  test("docs/examples/mirrors.yaml shows every key", () => {
    const shown = new Set(writtenKeys(parse(readText("docs/examples/mirrors.yaml")), mapsOf(paths)));
    // Once is enough for what may stand in several places: a rule, and each way to name a secret.
    const once = (path: string): string =>
      path
        .replace(
          /^(?:defaults|mirrors\[\](?:\.targets\[\])?)\.(?!id|source|targets|webhook|url|credential)/u,
          "rule ",
        )
        .replace(/^.*\.(env|file|command)$/u, "secret $1");
    const shownOnce = new Set([...shown].map(once));
    expect(sorted([...paths].filter((path) => !shownOnce.has(once(path))))).toEqual([]);
  });

  test("no text of docs/configuration.md names a key that is not there", () => {
    const prose = configuration.replaceAll(/<!-- generated[\s\S]*?<!-- end/gu, "");
    const named = [...prose.matchAll(/`([a-z][A-Za-z]*(?:\.[A-Za-z]+)+)`/gu)].map(([, name = ""]) => name);
    const known = [...paths].map((path) => path.replaceAll("[]", ""));
    const strange = named.filter(
      (name) => paths.has(name.split(".")[0] ?? "") && !known.some((path) => path === name),
    );
    expect(strange).toEqual([]);
  });
});

test("every metric that operators are promised is there, with its labels", () => {
  const promised = [
    "git_sync_jobs_total{outcome}",
    "git_sync_job_duration_seconds",
    "git_sync_queue_depth{state}",
    "git_sync_queue_wait_seconds",
    "git_sync_mirror_lag_seconds{route}",
    "git_sync_mirror_last_success_timestamp_seconds{route}",
    "git_sync_refs_total{action}",
    "git_sync_pack_bytes_total{side}",
    "git_sync_remote_requests_total{side,host,status}",
    "git_sync_webhooks_total{provider,outcome}",
    "git_sync_missed_hints_total",
    "git_sync_host_in_flight{host}",
  ];
  const known = new Map(
    Object.entries(METRICS).map(([name, { labels }]) => [name, labels as readonly string[]]),
  );
  const lacking = promised.filter((text) => {
    const [, name = "", labels = ""] = /^(\w+)(?:\{(.*)\})?$/u.exec(text) ?? [];
    const has = known.get(name);
    return has === undefined || labels.split(",").some((label) => label !== "" && !has.includes(label));
  });
  expect(lacking).toEqual([]);
});

/** The keys whose members are named by whoever writes the file. */
function mapsOf(paths: ReadonlySet<string>): ReadonlySet<string> {
  return new Set(
    [...paths].filter((path) => path.includes(".NAME")).map((path) => path.split(".NAME")[0] ?? ""),
  );
}

function writtenKeys(value: unknown, maps: ReadonlySet<string>, path = ""): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => writtenKeys(item, maps, `${path}[]`));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    if (maps.has(path)) return writtenKeys(member, maps, `${path}.NAME`);
    const key = path === "" ? name : `${path}.${name}`;
    return [key, ...writtenKeys(member, maps, key)];
  });
}
