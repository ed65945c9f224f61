/** What a plan says of each ref is what `git push --dry-run` says of it, where both mean the same. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { SyncResult } from "@gitsync/engine";
import fc from "fast-check";
import { beforeAll, afterAll, expect, test } from "vitest";
import { GIT_ENVIRONMENT } from "../support/git.ts";
import { commit, restoreRefs, tag, type Refs } from "../support/repository.ts";
import { twoSides, type TwoSides } from "./two-sides.ts";

const NO_GUARD = { count: 10_000, percent: 100 };

let sides: TwoSides;
/** Commits that are ahead of, behind and beside one another, of both sides; and tags of them. */
let commits: readonly string[];
let tags: readonly string[];

beforeAll(async () => {
  sides = await twoSides("local", { source: { defaultBranch: "trunk" }, target: { defaultBranch: "trunk" } });
  const { source } = sides;
  const root = await commit(source, "refs/heads/trunk", { a: "0" });
  const next = await commit(source, "refs/heads/trunk", { a: "1" });
  const last = await commit(source, "refs/heads/trunk", { a: "2" });
  const beside = await commit(source, "refs/heads/beside", { b: "1" }, { parents: [next] });
  const alone = await commit(source, "refs/heads/alone", { c: "1" }, { parents: [] });
  const merged = await commit(source, "refs/heads/merged", { a: "2" }, { parents: [last, beside] });
  commits = [root, next, last, beside, alone, merged];
  tags = [await tag(source, "one", next, "One"), await tag(source, "two", last, "Two"), root, last];
  // Both sides keep every object, whatever the refs become: only names and ancestry count.
  await sides.replicate({ scope: { allRefs: true } });
});
afterAll(() => sides[Symbol.asyncDispose]());

type Verdict = "same" | "new" | "fast-forward" | "forced" | "deleted" | "rejected";

/** git-push(1), "OUTPUT": the flag in front of each line. */
const FLAGS: Readonly<Record<string, Verdict>> = {
  "=": "same",
  "*": "new",
  " ": "fast-forward",
  "+": "forced",
  "-": "deleted",
  "!": "rejected",
};

const EVERYTHING = ["refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"];

async function verdictsOfGit(
  options: readonly string[],
  force: boolean,
  patterns = EVERYTHING,
): Promise<Map<string, Verdict>> {
  const specs = patterns.map((spec) => (force ? `+${spec}` : spec));
  const args = ["push", "--dry-run", "--porcelain", ...options, sides.target, ...specs];
  const run = promisify(execFile)("git", args, {
    cwd: sides.source,
    env: { ...process.env, ...GIT_ENVIRONMENT },
  });
  // Rejections end it with status 1.
  const { stdout } = await run.catch((error: { readonly stdout: string }) => error);
  const verdicts = new Map<string, Verdict>();
  for (const line of stdout.split("\n")) {
    const [, flag = "", name = ""] = /^([=* +!-])\t[^:]*:(\S+)\t/u.exec(line) ?? [];
    const verdict = FLAGS[flag];
    if (verdict !== undefined) verdicts.set(name, verdict);
  }
  return verdicts;
}

function verdictsOf({ refs }: SyncResult): Map<string, Verdict> {
  return new Map(
    refs.map(({ targetRef, action, code }) => [
      targetRef,
      action === "update" && code === "fast-forward" ? "fast-forward" : VERDICTS[action],
    ]),
  );
}

/** With best effort a block is a warning. */
const VERDICTS: Readonly<Record<SyncResult["refs"][number]["action"], Verdict>> = {
  create: "new",
  update: "forced",
  delete: "deleted",
  block: "rejected",
  warn: "rejected",
  skip: "same",
};

/** Whoever overwrites anyway does not ask whether it is a fast-forward. */
function withoutAncestry(verdicts: Map<string, Verdict>): Map<string, Verdict> {
  return new Map(
    [...verdicts].map(([ref, verdict]) => [ref, verdict === "fast-forward" ? "forced" : verdict]),
  );
}

interface Side {
  readonly branches: Readonly<Record<string, number>>;
  readonly tags: Readonly<Record<string, number>>;
}

const branch = fc.constantFrom("refs/heads/a", "refs/heads/b", "refs/heads/c/d", "refs/heads/é");
const anyTag = fc.constantFrom("refs/tags/v1", "refs/tags/v2");
const side = fc.record({
  branches: fc.dictionary(branch, fc.nat({ max: 5 }), { noNullPrototype: true }),
  tags: fc.dictionary(anyTag, fc.nat({ max: 3 }), { noNullPrototype: true }),
});

function refsOfSide({ branches, tags: named }: Side): Refs {
  const latin1 = (name: string): string => Buffer.from(name).toString("latin1");
  return new Map([
    ...Object.entries(branches).map(([name, index]) => [latin1(name), commits[index] ?? ""] as const),
    ...Object.entries(named).map(([name, index]) => [name, tags[index] ?? ""] as const),
    // A source without refs is refused, and the tests' objects have to stay.
    ["refs/heads/always", commits[0] ?? ""],
  ]);
}

test.for([
  ["sync", [], false],
  ["sync with prune", ["--prune"], false],
  ["sync with force", [], true],
  ["replicate with prune", ["--prune"], true],
] as const)("%s plans what git would push", { timeout: 120_000 }, async ([, options, force]) => {
  const prune = options.length > 0;
  const mode = force && prune ? "replicate" : "sync";
  await fc.assert(
    fc.asyncProperty(side, side, async (left, right) => {
      await restoreRefs(sides.source, refsOfSide(left));
      await restoreRefs(sides.target, refsOfSide(right));
      const plan = await sides.plan({
        policy: {
          mode,
          prune,
          includeTags: true,
          bestEffort: true,
          maxDeletes: NO_GUARD,
          ...(force && mode === "sync" ? { force: "with-lease" } : {}),
        },
        includeUnchanged: true,
      });
      const verdicts = await verdictsOfGit(options, force);
      expect(verdictsOf(plan)).toEqual(mode === "replicate" ? withoutAncestry(verdicts) : verdicts);
    }),
    { numRuns: 15 },
  );
});

test.for([
  "refs/heads/v*",
  "refs/heads/v*:refs/heads/w*",
  "refs/heads/*1",
  "refs/heads/v1*",
  "refs/heads/v*1",
  "refs/heads/* ^refs/heads/v1*",
  "refs/heads/* ^refs/heads/v*",
])("%s names the refs that it names for git", async (words) => {
  const patterns = words.split(" ");
  await restoreRefs(
    sides.source,
    new Map(
      ["always", "v", "v1", "v11", "v1-", "x1"].map((name) => [`refs/heads/${name}`, commits[0] ?? ""]),
    ),
  );
  await restoreRefs(sides.target, new Map());
  const plan = await sides.plan({ scope: { includeRefs: patterns } });
  expect(verdictsOf(plan)).toEqual(await verdictsOfGit([], false, patterns));
});
