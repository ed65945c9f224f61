import { expect, test } from "vitest";
import { demandsOf } from "./known-hosts.ts";

test.for([
  ["https://github.com/o/r", { maxPackBytes: 2e9 }],
  ["git@github.com:o/r.git", { maxPackBytes: 2e9 }],
  ["ssh://git@bitbucket.org/o/r", { maxPackBytes: 3.5e9 }],
  ["https://dev.azure.com/o/p/_git/r", { maxPackBytes: 5e9 }],
  ["https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/r", { needsLength: true }],
  ["https://github.com.example.org/o/r", {}],
  ["https://example.org/github.com/r", {}],
  ["/srv/github.com/r", {}],
] as const)("demandsOf(%s)", ([label, demands]) => {
  expect(demandsOf(label)).toEqual(demands);
});
