import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { git } from "../testing/git.ts";
import { parseLocation } from "./parse-location.ts";
import { refuseSameRepository } from "./same-repository.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "same-repository-")));
afterAll(() => rmSync(folder, { recursive: true }));

describe("refuseSameRepository()", () => {
  const bare = join(folder, "bare.git");
  mkdirSync(bare);
  writeFileSync(join(bare, "HEAD"), "ref: refs/heads/main\n");
  const work = join(folder, "work");
  mkdirSync(join(work, ".git"), { recursive: true });
  writeFileSync(join(work, ".git", "HEAD"), "ref: refs/heads/main\n");
  symlinkSync(bare, join(folder, "link"));
  const main = join(folder, "main");
  git(folder, ["init", "--quiet", main]);
  git(main, ["commit", "--quiet", "--allow-empty", "--message=x"]);
  git(main, ["worktree", "add", "--quiet", join(folder, "linked")]);
  symlinkSync(join(folder, "linked"), join(folder, "link-to-linked"));
  git(folder, ["init", "--quiet", `--separate-git-dir=${join(folder, "apart.git")}`, join(folder, "apart")]);

  const isSame = (a: string, b: string): boolean => {
    try {
      refuseSameRepository(parseLocation(a, "source"), parseLocation(b, "target"));
      return false;
    } catch (error) {
      expect(error).toMatchObject({ code: "SAME_REPOSITORY" });
      return true;
    }
  };

  test.for([
    ["https://example.com/a", "https://EXAMPLE.com:443/a/"],
    ["https://example.com/a", "https://example.com/a.git"],
    ["https://example.com/a", "http://example.com/a"],
    ["https://example.com/a/b", "https://example.com/a//b"],
    ["https://example.com/a", "https://example.com/%61"],
    [bare, join(folder, "bare")],
    [bare, `file://${bare}/`],
    [bare, join(folder, "link")],
    [work, join(work, ".git")],
    [main, join(folder, "linked")],
    [join(main, ".git"), join(folder, "link-to-linked")],
    [join(folder, "apart"), join(folder, "apart.git")],
    ["ssh://git@example.com/org/a.git", "git@example.com:org/a"],
    ["ssh://git@example.com/org/a.git", "ssh://git@EXAMPLE.com:22/org/a/"],
    ["ssh://git@example.com/org/a.git", "https://example.com/org/a"],
    ["git://example.com/a", "git://example.com:9418/a.git"],
    ["git://example.com/a", "https://example.com/a"],
    ["ann@example.com:a", "ann@example.com:a.git"],
    ["demo::a", "DEMO::a"],
    [join(folder, "none"), join(folder, "x", "..", "none")],
    [join(folder, "link", "new.git"), join(bare, "new.git")],
  ] as const)("sees that %s is %s", ([a, b]) => {
    expect(isSame(a, b)).toBe(true);
  });

  test.for([
    ["https://example.com/a", "https://example.com/b"],
    ["https://example.com/a", "https://example.com/A"],
    ["https://example.com/a", "https://example.com:8443/a"],
    ["https://example.com/a", "https://example.org/a"],
    [bare, work],
    [bare, join(folder, "linked")],
    ["ann@example.com:a", "bob@example.com:a"],
    ["ann@example.com:a", "ann@example.com:/a"],
    ["git@example.com:a", "git@example.com:b"],
    ["ssh://example.com/a", "ssh://example.com:2222/a"],
    ["demo::a", "demo::b"],
    [bare, `https://example.com${bare}`],
  ] as const)("takes %s and %s for two", ([a, b]) => {
    expect(isSame(a, b)).toBe(false);
  });
});
