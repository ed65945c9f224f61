/**
 * `node test/check/count-tests.ts REPORT…`: prints `N passed, N failed, N skipped` for JSON reports of vitest, together.
 *
 * A file that could not even be loaded counts as one failure, and so does a report that is not there: a run
 * that ended early must not look like a good one. Exit status 1 unless all that ran passed.
 */

import { readFileSync } from "node:fs";
import { print } from "./step.ts";

/** What is read of vitest's JSON report. */
interface TestReport {
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

const counts = process.argv
  .slice(2)
  .map((path) => countTests(readReport(path)))
  .reduce((sum, { passed, failed, skipped }) => ({
    passed: sum.passed + passed,
    failed: sum.failed + failed,
    skipped: sum.skipped + skipped,
  }));
print(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed === 0 ? 0 : 1;

function readReport(path: string): TestReport | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as TestReport;
  } catch {
    return undefined; // The run ended before it wrote its report.
  }
}

function countTests(report: TestReport | undefined): { passed: number; failed: number; skipped: number } {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const passed = tests.filter(({ status }) => status === "passed").length;
  const failedTests = tests.filter(({ status }) => status === "failed").length;
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && assertionResults.every((result) => result.status !== "failed"),
  ).length;
  return {
    passed,
    failed: failedTests + brokenFiles,
    skipped: tests.length - passed - failedTests,
  };
}
