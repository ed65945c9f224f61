/** Small repositories of real git for tests, apart from everything that is configured on this machine. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const GIT_ENVIRONMENT: Readonly<Record<string, string>> = Object.freeze({
  PATH: process.env["PATH"] ?? "/usr/bin:/bin",
  HOME: "/nonexistent",
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.com",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.com",
  GIT_AUTHOR_DATE: "1700000000 +0000",
  GIT_COMMITTER_DATE: "1700000000 +0000",
});

/** Run git in `folder`; its output without the last line end. */
export function git(folder: string, args: readonly string[], input: string | Uint8Array = ""): string {
  return Buffer.from(gitBytes(folder, args, input))
    .toString("utf8")
    .trimEnd();
}

/** Run git in `folder`; its output. */
function gitBytes(folder: string, args: readonly string[], input: string | Uint8Array = ""): Uint8Array {
  const result = spawnSync("git", [...args], {
    cwd: folder,
    env: GIT_ENVIRONMENT,
    input,
    maxBuffer: 1 << 28,
  });
  if (result.status === 0) return result.stdout;
  throw new Error(`git ${args.join(" ")} ended with ${result.status}: ${result.stderr.toString()}`);
}

/** A folder that goes away when it is disposed of. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "engine-unit-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A new bare repository at `path`. */
export function bareRepository(path: string): string {
  git(".", ["init", "--quiet", "--bare", "--initial-branch=main", "--", path]);
  return path;
}

/** An empty commit with these parents; its id. */
export function commit(repository: string, parents: readonly string[], message = "x"): string {
  const tree = git(repository, ["mktree"]);
  return git(repository, [
    "commit-tree",
    tree,
    ...parents.flatMap((parent) => ["-p", parent]),
    "-m",
    message,
  ]);
}
