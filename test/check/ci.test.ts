/** `.ci/run` provides what the suites want, and stays a script that asks nothing. */

import { expect, test } from "vitest";
import { filesOf, readText } from "./repository.ts";

/** What is there without a Debian package: git is the machine's own, PostgreSQL comes from npm, root may mount. */
const PRESENT = new Set(["git", "mount", "postgres"]);
/** Not among what `GITSYNC_TEST_REQUIRE=all` stands for. */
const EXTRA = new Set(["jaeger", "helm"]);

test(".ci/run installs every server that a suite names in describeWith()", () => {
  const script = readText(".ci/run");
  const named = filesOf("test/**/*.test.ts").flatMap((path) =>
    [...readText(path).matchAll(/describeWith\(\s*\[([^\]]*)\]/gu)].flatMap(([, names = ""]) =>
      [...names.matchAll(/"([a-z-]+)"/gu)].map(([, name = ""]) => name),
    ),
  );
  const wanted = [...new Set(named)].filter((name) => !PRESENT.has(name) && !EXTRA.has(name));
  expect(wanted.filter((name) => !new RegExp(`^  ${name}[a-z-]*:`, "mu").test(script))).toEqual([]);
});

test(".ci/run stops at the first broken step and never asks", () => {
  const script = readText(".ci/run");
  expect(script).toMatch(/^#!\/usr\/bin\/env bash\n/u);
  expect(script).toMatch(/^set -euo pipefail$/mu);
  expect(script).toMatch(/^export DEBIAN_FRONTEND=noninteractive$/mu);
  expect(script).not.toMatch(/\bread -|\bsudo\b/u);
});
