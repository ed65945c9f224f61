/** Bare repositories for tests: made, changed and looked at with stock git, one child process per step. */

import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { FastImportText } from "./fast-import-text.ts";
import { git, gitBytes } from "./git.ts";

export type ObjectFormat = "sha1" | "sha256";

export interface RepositoryOptions {
  readonly objectFormat?: ObjectFormat;
  /** Short name of the branch that HEAD points to. Default: main. */
  readonly defaultBranch?: string;
  /** Further configuration, `key` to value. `uploadpack.allowFilter` is false unless given, as in stock git. */
  readonly config?: Readonly<Record<string, string>>;
}

export interface CommitOptions {
  /** Parents; default: the ref's present value, or none when it has none. */
  readonly parents?: readonly string[];
  readonly message?: string;
}

/** Files of a commit; `null` removes one. */
export type Files = Readonly<Record<string, string | Uint8Array | null>>;

/** Refs by full name. Names are bytes: each character stands for one (latin1). */
export type Refs = ReadonlyMap<string, string>;

/** Make an empty bare repository. */
export async function createRepository(path: string, options: RepositoryOptions = {}): Promise<string> {
  const { objectFormat = "sha1", defaultBranch = "main", config = {} } = options;
  await git([
    "init",
    "--quiet",
    "--bare",
    `--initial-branch=${defaultBranch}`,
    `--object-format=${objectFormat}`,
    path,
  ]);
  for (const [key, value] of Object.entries(config)) await git(["config", key, value], { cwd: path });
  return path;
}

/** Copy a repository with everything in it. */
export async function copyRepository(from: string, to: string): Promise<string> {
  await cp(from, to, { recursive: true });
  return to;
}

/** Add a commit that changes `files`, and point `ref` at it, fast-forward or not. Returns its id. */
export async function commit(
  repository: string,
  ref: string,
  files: Files = {},
  options: CommitOptions = {},
): Promise<string> {
  const current = options.parents === undefined ? await resolve(repository, ref) : undefined;
  const parents = options.parents ?? (current === undefined ? [] : [current]);
  const message = Buffer.from(options.message ?? `Change ${Object.keys(files).join(", ") || "nothing"}`);
  const stream = new FastImportText();
  // Without the reset fast-import would take the ref's value as first parent.
  stream.add(`reset ${ref}\n\ncommit ${ref}\nmark :1\n`);
  stream.add("committer Cy Committer <cy@example.com> 1700000000 +0000\n");
  stream.addData(message);
  parents.forEach((parent, index) => stream.add(`${index === 0 ? "from" : "merge"} ${parent}\n`));
  for (const [path, content] of Object.entries(files)) {
    if (content === null) {
      stream.add(`D ${path}\n`);
      continue;
    }
    stream.add(`M 100644 inline ${path}\n`);
    stream.addData(Buffer.from(content));
  }
  stream.add("\nget-mark :1\n");
  return git(["fast-import", "--quiet", "--force", "--cat-blob-fd=1"], {
    cwd: repository,
    input: stream.take(),
  });
}

/** Add an annotated tag, or a lightweight one when no message is given. Returns the ref's new value. */
export async function tag(
  repository: string,
  name: string,
  target: string,
  message?: string,
): Promise<string> {
  const annotate = message === undefined ? [] : ["--annotate", `--message=${message}`];
  await git(["tag", "--force", ...annotate, "--", name, target], { cwd: repository });
  return git(["rev-parse", `refs/tags/${name}`], { cwd: repository });
}

/** Point a ref at an object, whatever it was before. The name's characters stand for bytes (latin1). */
export async function setRef(repository: string, ref: string, id: string): Promise<void> {
  await updateRefs(repository, [[ref, id]]);
}

/** Remove a ref. */
export async function deleteRef(repository: string, ref: string): Promise<void> {
  await updateRefs(repository, [[ref, undefined]]);
}

/** Set or delete many refs in one transaction. The names' characters stand for bytes (latin1). */
export async function updateRefs(
  repository: string,
  changes: Iterable<readonly [ref: string, id: string | undefined]>,
): Promise<void> {
  const lines = Array.from(changes, ([ref, id]) =>
    id === undefined ? `delete ${ref}\0\0` : `update ${ref}\0${id}\0\0`,
  );
  await git(["update-ref", "--stdin", "-z"], {
    cwd: repository,
    input: Buffer.from(lines.join(""), "latin1"),
  });
}

/** The value of a ref or any other revision, or undefined when there is none. */
async function resolve(repository: string, revision: string): Promise<string | undefined> {
  const id = await git(["rev-parse", "--verify", "--quiet", revision], { cwd: repository }).catch(() => "");
  return id === "" ? undefined : id;
}

/** Every ref, by name. */
export async function refsOf(repository: string, ...patterns: string[]): Promise<Refs> {
  const listing = await gitBytes(["for-each-ref", "--format=%(objectname) %(refname)", ...patterns], {
    cwd: repository,
  });
  const refs = new Map<string, string>();
  for (const line of listing.toString("latin1").split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0) refs.set(line.slice(space + 1), line.slice(0, space));
  }
  return refs;
}

/** Make the refs what they were. */
export async function restoreRefs(repository: string, refs: Refs): Promise<void> {
  const present = [...(await refsOf(repository)).keys()];
  const gone = present.filter((ref) => !refs.has(ref)).map((ref) => [ref, undefined] as const);
  await updateRefs(repository, gone);
  await updateRefs(repository, refs);
}

/** The ref that HEAD points to. */
export function headOf(repository: string): Promise<string> {
  return git(["symbolic-ref", "HEAD"], { cwd: repository });
}

/** Check that everything reachable from the refs is there. Throws what git found wrong. */
export async function fsck(repository: string): Promise<void> {
  await git(["fsck", "--connectivity-only", "--no-dangling", "--no-progress"], { cwd: repository });
}

/** How many objects git itself would send to bring `newTips` to a repository that has `oldTips`. */
export async function countObjects(
  repository: string,
  newTips: readonly string[],
  oldTips: readonly string[] = [],
): Promise<number> {
  const input = [...newTips, ...oldTips.map((tip) => `^${tip}`)].join("\n");
  const listing = await git(["rev-list", "--objects", "--stdin"], { cwd: repository, input: `${input}\n` });
  return listing === "" ? 0 : listing.split("\n").length;
}

/** Files of unfinished work: quarantines, temporary packs and locks. Empty in a repository at rest. */
export async function leftoversOf(repository: string): Promise<readonly string[]> {
  const entries = await readdir(repository, { recursive: true });
  return entries.filter((entry) => /(^|\/)(tmp_|incoming-|\.tmp-)|\.lock$/.test(entry)).toSorted();
}

/** Every file under `objects`, so that two states can be compared. */
export async function objectFilesOf(repository: string): Promise<readonly string[]> {
  return (await readdir(join(repository, "objects"), { recursive: true })).toSorted();
}
