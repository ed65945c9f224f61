/**
 * Which servers this machine has, and what becomes of a suite that needs one it lacks.
 *
 * Without a word such a suite is skipped, and one line per missing server says so at the end of the run.
 * `GITSYNC_TEST_REQUIRE` names servers (a comma-separated list, or `all` for whatever npm and Debian provide)
 * whose absence is a failure. This module is vitest's global setup as well.
 */

import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { requirement, type Requirement, type RequirementName } from "./requirement.ts";

/** Names the file in which suites that were left out are noted; set by {@link setup} for all workers. */
const NOTES_VARIABLE = "GITSYNC_TEST_SKIPPED_SUITES";

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
      `skipped for want of ${name} (${requirement(name).looked}): ${[...titles].toSorted().join(", ")}\n`,
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

function describeMissing({ name, looked }: Requirement): string {
  return `${name} is required and missing (${looked})`;
}
